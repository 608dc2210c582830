#include "layout.h"

#include <unistd.h>

#include <climits>

namespace eas {
namespace {

constexpr uint32_t kMaxSlots = 65536;
constexpr uint32_t kMaxWorkers = 4094;  // 12 bits of the state word, without kAnyone
constexpr uint32_t kMaxThreads = 4095;
constexpr uint64_t kMaxOutput = 1ULL << 40;

// x86-64 gives a process 2^47 addresses; leave most of them to the processor.
constexpr uint64_t kMaxBytes = 1ULL << 46;

uint64_t RoundUp(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

bool InRange(const char* name, uint64_t value, uint64_t low, uint64_t high, std::string* error) {
  if (value >= low && value <= high) return true;
  *error = std::string(name) + " is " + std::to_string(value) + ", not within " + std::to_string(low) +
           " .. " + std::to_string(high);
  return false;
}

}  // namespace

uint64_t PageSize() {
  static const uint64_t size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

bool PlanLayout(const eas_shape& shape, Layout* layout, std::string* error) {
  if (!InRange("slots", shape.slots, 1, kMaxSlots, error)) return false;
  if (!InRange("workers", shape.workers, 1, kMaxWorkers, error)) return false;
  if (!InRange("threads", shape.threads, 1, kMaxThreads, error)) return false;
  if (!InRange("max_body", shape.max_body, 0, INT_MAX, error)) return false;
  if (!InRange("max_output", shape.max_output, 0, kMaxOutput, error)) return false;

  Layout plan;
  plan.shape = shape;
  plan.entries = 4;
  while (plan.entries < 4ULL * shape.slots) plan.entries *= 2;
  plan.bitmap_words = (shape.slots + 63) / 64;
  const uint64_t page = PageSize();
  plan.input_span = RoundUp(shape.max_body, page) + page;  // an input is followed by a NUL byte
  // At least a page, so that an explanation always has room.
  plan.output_span = RoundUp(shape.max_output == 0 ? 1 : shape.max_output, page);

  plan.workers_at = RoundUp(sizeof(Header), page);
  plan.controls_at = RoundUp(plan.workers_at + shape.workers * sizeof(WorkerRecord), page);
  plan.bitmap_at = RoundUp(plan.controls_at + shape.slots * sizeof(Control), kCacheLine);
  plan.entries_at = RoundUp(plan.bitmap_at + plan.bitmap_words * sizeof(uint64_t), kCacheLine);
  plan.data_at = RoundUp(plan.entries_at + plan.entries * sizeof(uint32_t), page);

  const uint64_t slot_bytes = plan.input_span + plan.output_span;
  const uint64_t room = (kMaxBytes - plan.data_at) / shape.slots;
  if (slot_bytes > room) {
    *error = std::to_string(shape.slots) + " slots of " + std::to_string(slot_bytes) +
             " bytes do not fit into the address space: lower max_body, max_output or slots";
    return false;
  }
  plan.bytes = plan.data_at + shape.slots * slot_bytes;
  *layout = plan;
  return true;
}

}  // namespace eas
