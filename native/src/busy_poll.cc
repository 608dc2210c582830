#include "busy_poll.h"

namespace eas {

bool PollTrials::MayPoll() {
  if (to_sleep_ == 0) return true;
  --to_sleep_;
  return false;
}

void PollTrials::Count(bool in_time, uint64_t lost) {
  ++polled_;
  in_time_ += in_time ? 1 : 0;
  lost_ += lost;
  if (polled_ < kTrial && lost_ <= kMaxLost) return;
  if (lost_ <= kMaxLost && in_time_ >= kTrial / 2) {
    if (failures_ > 0) --failures_;
  } else {
    if (failures_ < kMaxFailures) ++failures_;
    to_sleep_ = kTrial << failures_;
  }
  polled_ = in_time_ = 0;
  lost_ = 0;
}

}  // namespace eas
