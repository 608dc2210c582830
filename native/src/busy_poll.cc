#include "busy_poll.h"

#include <algorithm>

namespace eas {

bool PollTrials::MayPoll() {
  if (to_sleep_ == 0) return true;
  --to_sleep_;
  return false;
}

void PollTrials::Count(bool in_time, bool interrupted) {
  ++polled_;
  in_time_ += in_time ? 1 : 0;
  interrupted_ += interrupted ? 1 : 0;
  const bool disturbed = interrupted_ == kMaxInterrupted;
  if (!disturbed && polled_ < kTrial) return;
  const bool paid = !disturbed && in_time_ >= kTrial / 2;
  failures_ = paid ? 0 : std::min(failures_ + 1, kMaxFailures);
  to_sleep_ = paid ? 0 : kTrial << failures_;
  polled_ = in_time_ = interrupted_ = 0;
}

}  // namespace eas
