#include "layout.h"

#include <unistd.h>

#include <climits>

namespace eas {
namespace {

constexpr uint32_t kMaxSlots = 65536;
constexpr uint32_t kMaxWorkers = 4094;  // 12 bits of the state word, without kAnyWorker
constexpr uint32_t kMaxThreads = 4095;
constexpr uint64_t kMaxOutput = 1ULL << 40;

// x86-64 gives a process 2^47 addresses; at least half of them stay for the processor.
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

bool PlanLayout(const eas_ring_size& ring_size, Layout* layout, std::string* error) {
  if (!InRange("slots", ring_size.slots, 1, kMaxSlots, error)) return false;
  if (!InRange("workers", ring_size.workers, 1, kMaxWorkers, error)) return false;
  if (!InRange("threads", ring_size.threads, 1, kMaxThreads, error)) return false;
  if (!InRange("max_body", ring_size.max_body, 0, INT_MAX, error)) return false;
  if (!InRange("max_output", ring_size.max_output, 0, kMaxOutput, error)) return false;

  Layout plan;
  plan.ring_size = ring_size;
  plan.entries = 4;
  while (plan.entries < 4ULL * ring_size.slots) plan.entries *= 2;
  plan.bitmap_words = (ring_size.slots + 63) / 64;
  const uint64_t page = PageSize();
  plan.input_span = RoundUp(ring_size.max_body, page) + page;  // a NUL byte follows an input
  // At least one page, so that the text of an error always has room.
  plan.output_span = RoundUp(ring_size.max_output == 0 ? 1 : ring_size.max_output, page);

  plan.workers_at = RoundUp(sizeof(Header), page);
  plan.controls_at = RoundUp(plan.workers_at + ring_size.workers * sizeof(WorkerRecord), page);
  plan.bitmap_at = RoundUp(plan.controls_at + ring_size.slots * sizeof(SlotControl), kCacheLine);
  plan.entries_at = RoundUp(plan.bitmap_at + plan.bitmap_words * sizeof(uint64_t), kCacheLine);
  plan.data_at = RoundUp(plan.entries_at + plan.entries * sizeof(uint32_t), page);

  const uint64_t slot_bytes = plan.input_span + plan.output_span;
  const uint64_t room = (kMaxBytes - plan.data_at) / ring_size.slots;
  if (slot_bytes > room) {
    *error = std::to_string(ring_size.slots) + " slots of " + std::to_string(slot_bytes) +
             " bytes do not fit into the address space: lower max_body, max_output or slots";
    return false;
  }
  plan.bytes = plan.data_at + ring_size.slots * slot_bytes;
  *layout = plan;
  return true;
}

}  // namespace eas
