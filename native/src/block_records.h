// The interface of libeas-memory-check.so, which keeps a record of each block that malloc has given out. The
// library is preloaded into a worker by --check-memory; its function is looked up by name.
#ifndef EAS_NATIVE_BLOCK_RECORDS_H_
#define EAS_NATIVE_BLOCK_RECORDS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EAS_BLOCK_NONE 0    // no block in use, nor one that was freed lately, has this address in it
#define EAS_BLOCK_IN_USE 1  // the address is in a block in use
#define EAS_BLOCK_FREED 2   // the address is in a block that was freed lately
#define EAS_BLOCK_UNKNOWN \
  3  // no block in use that is recorded; blocks of operator new are not, with this allocator

typedef struct {
  int32_t state;     // one of EAS_BLOCK_*
  uintptr_t start;   // of the block
  size_t size;       // as it was asked for
  uintptr_t caller;  // where it was allocated or, if it is freed, where it was freed
} eas_block;

// Finds the block that has `address` in it.
// [any thread]
void eas_block_find(uintptr_t address, eas_block* block);

#define EAS_BLOCK_FIND "eas_block_find"

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_BLOCK_RECORDS_H_
