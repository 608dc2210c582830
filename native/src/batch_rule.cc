#include "batch_rule.h"

#include <algorithm>
#include <cmath>

namespace eas {
namespace {

// The weight of the calls before falls by this with each call: a change is followed within some tens of
// calls.
constexpr double kFading = 15.0 / 16;

// The weight of one count of arrivals in their average.
constexpr double kArrivalWeight = 1.0 / 8;

// Of what a call costs without requests, so much is waited at most. Waiting costs each request of the batch
// that time, and wins a call's base cost for each further batch that is saved.
constexpr double kWaitShare = 1.0 / 4;

// Below this a wait is not worth the two switches of the thread.
constexpr double kLeastWait = 20'000;  // nanoseconds

// If fewer requests than one come while a thread waits, it mostly waits in vain. Where one comes each time,
// as of two clients that would take turns, the average of the counts only approaches one. Where calls run
// side by side nobody takes turns, so there it must be reached.
constexpr double kLeastArrivals = 0.75;
constexpr double kLeastArrivalsBeside = 1;

// How many more requests must be answered in the same time.
constexpr double kLeastGain = 1.05;

// A further call beside others is useful if so many more requests are answered with it.
constexpr double kLeastSpeedup = 1.1;

// One of so many calls that would not be useful is made nevertheless, to see whether that is still so.
constexpr unsigned kTrial = 32;

// The same of batches that are larger than is worthwhile: each of their requests waits for all others.
constexpr unsigned kSizeTrial = 128;

// The weight of one call in the average of its level.
constexpr double kSlowdownWeight = 1.0 / 8;

// For how many times the length of a full batch's call requests wait for each that runs to end.
constexpr double kPatience = 2;

// A call of so many times base / each requests spends a fifth on its base, so more would win less than that.
constexpr double kWorthwhile = 4;

// If the processor has overwritten the ring's numbers.
constexpr uint64_t kMaxTimeout = 60'000'000'000;  // nanoseconds

eas_batching Checked(eas_batching batching) {
  if (batching.mode > EAS_BATCHING_ADAPTIVE) batching.mode = EAS_BATCHING_ADAPTIVE;
  batching.timeout_nanoseconds = std::min(batching.timeout_nanoseconds, kMaxTimeout);
  batching.max_size = std::clamp<uint64_t>(batching.max_size, 1, kMaxBatch);
  return batching;
}

}  // namespace

void CallCost::Add(double requests, double nanoseconds) {
  for (double* sum : {&weight_, &requests_, &squares_, &time_, &products_}) *sum *= kFading;
  weight_ += 1;
  requests_ += requests;
  squares_ += requests * requests;
  time_ += nanoseconds;
  products_ += requests * nanoseconds;
  // Where all calls had the same number of requests, nothing tells the two apart, and what was known holds.
  // At first all of it counts as the call's own cost, and the first batch of another size shows the truth.
  const double spread = weight_ * squares_ - requests_ * requests_;
  if (spread > 1e-2 * weight_ * squares_) slope_ = (weight_ * products_ - requests_ * time_) / spread;
}

double CallCost::each() const { return weight_ == 0 ? 0 : std::clamp(slope_, 0.0, time_ / requests_); }

double CallCost::Worthwhile() const {
  return each() == 0 ? 0 : std::max(1.0, std::ceil(kWorthwhile * base() / each()));
}

double CallCost::base() const {
  return weight_ == 0 ? 0 : std::max(0.0, (time_ - each() * requests_) / weight_);
}

void Slowdown::Add(size_t level, double ratio) {
  if (level >= ratios_.size()) ratios_.resize(level + 1);
  double& average = ratios_[level];
  average = average == 0 ? ratio : average + (ratio - average) * kSlowdownWeight;
}

bool Slowdown::IsUseful(size_t level) { return IsKnownUseful(level) || ++refused_ % kTrial == 0; }

bool Slowdown::IsKnownUseful(size_t level) const {
  if (level <= 1) return true;
  const double before = level == 2 ? 1 : At(level - 1);
  const double after = At(level);
  const auto calls = static_cast<double>(level);
  return after != 0 && before != 0 && calls / after > kLeastSpeedup * (calls - 1) / before;
}

BatchRule::BatchRule(const eas_batching& batching) : batching_(Checked(batching)) {}

uint64_t BatchRule::WaitUntil(uint64_t waiting, uint64_t oldest, uint64_t now, uint64_t* most) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto count = static_cast<double>(waiting);
  *most = Most();
  if (oldest > now) return 0;       // the processor has overwritten it
  if (oldest > ready_) ready_ = 0;  // whatever was there has left, or another process has taken it
  uint64_t until = oldest + batching_.timeout_nanoseconds;
  if (waiting < *most && batching_.mode != EAS_BATCHING_FIXED && !MayRunBeside()) {
    const double each_call = cost_.Of(static_cast<double>(batching_.max_size));
    const double patience = kPatience * each_call * static_cast<double>(running_);
    until = std::min(until, oldest + static_cast<uint64_t>(patience));
    if (until > now) return until;
  }
  if (ready_ == 0) {
    ready_ = now;
    enough_ = count + std::floor(arrivals_ + 0.5);
  }
  if (waiting >= *most) return 0;
  if (batching_.mode != EAS_BATCHING_FIXED) {
    const double wait = Wait();
    if (count >= enough_ || !Pays(count, wait)) return 0;
    until = std::min(until, ready_ + static_cast<uint64_t>(wait));
  }
  return until > now ? until : 0;
}

// How many requests a batch may have now. Every so often as many as it may have at all, to see whether it is
// still so that they win nothing.
uint64_t BatchRule::Most() {
  const double worthwhile = batching_.mode == EAS_BATCHING_FIXED ? 0 : cost_.Worthwhile();
  if (worthwhile == 0 || worthwhile >= static_cast<double>(batching_.max_size)) return batching_.max_size;
  return begun_ % kSizeTrial == kSizeTrial - 1 ? batching_.max_size : static_cast<uint64_t>(worthwhile);
}

// Whether a call may begin now, beside those that run. Asked once for each batch and each change of these.
bool BatchRule::MayRunBeside() {
  if (running_ == 0 || ready_ != 0) return true;
  if (!asked_) beside_ = slowdown_.IsUseful(running_ + 1);
  asked_ = true;
  return beside_;
}

size_t BatchRule::Started(const std::vector<uint64_t>& submitted, uint64_t now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  CountArrivals(submitted);
  // The next count begins where this batch could have begun, once all that came in the last one's time have
  // been taken: requests are taken in the order of their arrival.
  const bool over = submitted.back() > window_end_ || now > 2 * window_end_ - window_begin_;
  const double wait = Wait();
  if (window_begin_ != 0 && over) {
    arrivals_ += (counted_ - arrivals_) * kArrivalWeight;
    window_begin_ = 0;
  }
  if (window_begin_ == 0 && wait >= kLeastWait) {
    window_begin_ = ready_ != 0 ? ready_ : now;
    window_end_ = window_begin_ + static_cast<uint64_t>(wait);
    counted_ = 0;
    CountArrivals(submitted);
  }
  ready_ = 0;
  asked_ = false;
  ++begun_;
  return ++running_;
}

void BatchRule::Ended(size_t level, size_t requests, uint64_t nanoseconds) {
  const std::lock_guard<std::mutex> lock(mutex_);
  --running_;
  asked_ = false;
  if (requests == 0) return;
  const auto count = static_cast<double>(requests);
  const auto time = static_cast<double>(nanoseconds);
  if (level == 1) return cost_.Add(count, time);
  const double alone = cost_.Of(count);
  if (alone <= 0) return;
  // A service that is always busy has no calls alone, so what they would take is also learnt from others,
  // divided by how much these are slowed down.
  const double slower = slowdown_.At(level);
  slowdown_.Add(level, std::max(1.0, time / alone));
  if (slower > 0) cost_.Add(count, time / slower);
}

// Whether more requests are answered in the same time if a thread waits for the usual number of further ones.
bool BatchRule::Pays(double waiting, double wait) const {
  const double least = slowdown_.IsKnownUseful(2) ? kLeastArrivalsBeside : kLeastArrivals;
  if (wait < kLeastWait || arrivals_ < least) return false;
  const double base = cost_.base();
  const double each = cost_.each();
  const double later = std::min(waiting + arrivals_, static_cast<double>(batching_.max_size));
  const double now_rate = waiting / (base + each * waiting);
  const double later_rate = later / (wait + base + each * later);
  return later_rate > kLeastGain * now_rate;
}

void BatchRule::CountArrivals(const std::vector<uint64_t>& submitted) {
  if (window_begin_ == 0) return;
  for (const uint64_t time : submitted) {
    if (time > window_begin_ && time <= window_end_) ++counted_;
  }
}

double BatchRule::Wait() const {
  return std::min(cost_.base() * kWaitShare, static_cast<double>(batching_.timeout_nanoseconds));
}

}  // namespace eas
