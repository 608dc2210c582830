#include "output_check.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>

#include "frames.h"

namespace eas {
namespace {

// No process has memory below or above.
constexpr uintptr_t kLowestMemory = 4096;
constexpr uintptr_t kHighestMemory = 1ULL << 47;

// Every allocator gives out multiples of this.
constexpr uintptr_t kLeastAlignment = 8;

// A std::string up to this size has its bytes in itself, behind its pointer to them and its size.
constexpr uint64_t kShortString = 15;
constexpr uintptr_t kShortStringAt = 16;

const char kReturnCopy[] = "the host frees the output, so return a copy of it from malloc";

std::string Hex(uintptr_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "%#zx", static_cast<size_t>(value));
  return text;
}

bool IsShortString(uintptr_t at) {
  uint64_t words[2];
  return ReadMemory(at - kShortStringAt, words, sizeof(words)) == Readable::kYes && words[0] == at &&
         words[1] <= kShortString;
}

std::string TooShort(size_t size, size_t block) {
  return "output_size is " + std::to_string(size) + ", but the block at *output_data has " +
         std::to_string(block) + " bytes";
}

std::string OnStack(uintptr_t at) {
  const char* const what =
      IsShortString(at) ? "the buffer of a std::string on the stack" : "a local variable, on the stack";
  return std::string("*output_data is ") + what + ", gone when process has returned: " + kReturnCopy;
}

std::string InModule(const Module& module, uintptr_t at) {
  const std::string of = " of " + (module.file.empty() ? "the program" : module.file);
  if (module.segment == Segment::kData) {
    const char* const what = IsShortString(at) ? "the buffer of a static std::string" : "static data";
    return "*output_data is " + (what + of) + ": " + kReturnCopy;
  }
  const char* const or_what = module.segment == Segment::kCode ? " (or its code)" : " (or another constant)";
  return "*output_data is a string literal" + of + or_what +
         ": the host frees the output, so return strdup() of it";
}

std::string Freed() {
  return "*output_data was freed before process returned, as the buffer of a local std::string or vector is:"
         " return a copy of it from malloc, and do not free that";
}

std::string InString() { return std::string("*output_data is the buffer of a std::string: ") + kReturnCopy; }

// A pointer of which the heap knows nothing, or nothing more.
std::string NoBlock(uintptr_t at) {
  const Module module = ModuleAt(at);
  if (module.segment != Segment::kNone) return InModule(module, at);
  bool mapped = false;
  const std::string name = MappingAt(at, &mapped);
  if (!mapped) {
    return "*output_data is " + Hex(at) +
           ", and no memory is there: it was never set, or a large block that is freed already";
  }
  if (name == "[stack]") return OnStack(at);
  if (IsShortString(at)) return InString();
  if (!name.empty() && name[0] == '/')
    return "*output_data is in the mapped file " + name + ": " + kReturnCopy;
  return "*output_data is not the start of a block in use: it points into one, or was freed, or is not from"
         " malloc; return the pointer that malloc returned";
}

// `function` of the shared object that free() is in, or null: another allocator's functions cannot be mixed.
template <typename Function>
Function OfAllocator(const char* function) {
  void* const found = dlsym(RTLD_DEFAULT, function);
  Dl_info its{};
  Dl_info freeing{};
  if (found == nullptr || dladdr(found, &its) == 0 || dladdr(dlsym(RTLD_DEFAULT, "free"), &freeing) == 0)
    return nullptr;
  return its.dli_fbase == freeing.dli_fbase ? reinterpret_cast<Function>(found) : nullptr;
}

template <typename Function>
Function Find(const char* function) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, function));
}

}  // namespace

OutputCheck::OutputCheck(const void* model)
    : model_(reinterpret_cast<uintptr_t>(model)),
      stack_(StackOfThisThread()),
      modules_(ModuleRanges()),
      find_block_(Find<void (*)(uintptr_t, eas_block*)>(EAS_BLOCK_FIND)),
      // AddressSanitizer reports what is wrong when the output is copied and freed, and says more.
      usable_size_(dlsym(RTLD_DEFAULT, "__asan_init") != nullptr
                       ? nullptr
                       : OfAllocator<size_t (*)(void*)>("malloc_usable_size")) {}

bool OutputCheck::InModules(uintptr_t at) const {
  const auto after =
      std::upper_bound(modules_.begin(), modules_.end(), at,
                       [](uintptr_t one, const AddressRange& range) { return one < range.begin; });
  return after != modules_.begin() && (after - 1)->Has(at);
}

bool OutputCheck::Check(const Output& output, std::string* problem) {
  const auto at = reinterpret_cast<uintptr_t>(output.data);
  if (at - reinterpret_cast<uintptr_t>(output.input) <= output.input_size) {  // with the NUL byte behind it
    *problem = std::string("*output_data is input_data, which belongs to the host: ") + kReturnCopy;
    return false;
  }
  if (at == model_) {
    *problem =
        "*output_data is the model that initialize returned, which must outlive the call: return memory"
        " from malloc that is the answer's own";
    return false;
  }
  const BlockView view = find_block_ == nullptr ? heap_.Look(output.data) : BlockView{};
  if (view.state == BlockState::kInUse && view.in_heap && output.size <= view.size) return true;
  if (stack_.Has(at)) {
    *problem = OnStack(at);
    return false;
  }
  if (InModules(at) && ModuleAt(at).segment != Segment::kNone) {
    *problem = InModule(ModuleAt(at), at);
    return false;
  }
  return find_block_ == nullptr ? CheckHeap(at, output.size, view, problem)
                                : CheckRecord(at, output.size, problem);
}

bool OutputCheck::CheckHeap(uintptr_t at, size_t size, BlockView view, std::string* problem) const {
  if (view.state == BlockState::kUnknown) {
    if (at < kLowestMemory || at >= kHighestMemory || at % kLeastAlignment != 0) {
      *problem = NoBlock(at);
      return false;
    }
    view = {BlockState::kInUse, usable_size_ != nullptr ? usable_size_(reinterpret_cast<void*>(at)) : size};
  }
  if (view.state == BlockState::kInUse && size <= view.size) return true;
  *problem = view.state == BlockState::kInUse   ? TooShort(size, view.size)
             : view.state == BlockState::kFreed ? Freed()
                                                : NoBlock(at);
  return false;
}

bool OutputCheck::CheckRecord(uintptr_t at, size_t size, std::string* problem) const {
  eas_block block{};
  find_block_(at, &block);
  if (block.state == EAS_BLOCK_UNKNOWN) return CheckHeap(at, size, {}, problem);
  const uintptr_t offset = at - block.start;
  const std::string thread_local_of = ThreadLocalModuleAt(at);
  if (!thread_local_of.empty()) {
    *problem = "*output_data is a thread_local variable of " + thread_local_of + ": " + kReturnCopy;
    return false;
  }
  if (block.state == EAS_BLOCK_IN_USE && offset == 0 && size <= block.size) return true;
  if (block.state == EAS_BLOCK_IN_USE && offset == 0) {
    *problem = TooShort(size, block.size);
  } else if (block.state == EAS_BLOCK_IN_USE && !IsShortString(at)) {
    *problem = "*output_data points " + std::to_string(offset) + " bytes into a block of " +
               std::to_string(block.size) + ": return the start of the block, as malloc returned it";
  } else if (block.state == EAS_BLOCK_IN_USE) {
    *problem = InString();
  } else if (block.state == EAS_BLOCK_FREED) {
    *problem = Freed() + "\n  freed at " + DescribeFrame(block.caller - 1).Text();
  } else {
    *problem = NoBlock(at);
  }
  return false;
}

}  // namespace eas
