// A record of each block in use, and of those that were freed lately.
//
// Strategy: the records are split by address into parts with a lock each, so that threads rarely meet. A part
// has a hash table of its blocks in use and a ring of its last freed ones. To find a block by its start looks
// into one part; to find the block around an address looks through all of them, which is only done to explain
// what is wrong. The memory is the system's own (mmap), because this is called from within malloc.
#ifndef EAS_NATIVE_MEMORY_CHECK_RECORDS_H_
#define EAS_NATIVE_MEMORY_CHECK_RECORDS_H_

#include <cstddef>
#include <cstdint>

#include "block_records.h"

namespace eas_memory_check {

// Any thread may call these, also within malloc. `mapping`: the block is a mapping of its own, so its memory
// goes back to the system as soon as it is freed.
void Allocated(void* start, size_t size, void* caller, bool mapping = false);

// False if there is no such block in use. Its size is in *size, if that is not null.
bool Freed(void* start, void* caller, size_t* size = nullptr);

// Finds the block that has `address` in it, or that had it until it was freed. Memory that is where a freed
// mapping was is not that block's: it was mapped since then.
eas_block Find(uintptr_t address);

// Before and after a fork: a child must not inherit a lock that another thread holds.
void LockAll();
void UnlockAll();

}  // namespace eas_memory_check

#endif  // EAS_NATIVE_MEMORY_CHECK_RECORDS_H_
