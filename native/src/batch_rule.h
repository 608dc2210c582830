// Decides when a thread takes the requests that wait as a batch: now, or a little later with more of them.
//
// A call with n requests takes about a + b * n: a is what each call costs, b what each request adds. Both are
// estimated from the calls so far, the later ones counting more. Two things make a thread wait:
//
//  - More requests come soon. To wait for a time pays if so many come in it that more of them are answered in
//    the same time, waiting included. How many come is measured after each moment in which a thread could
//    have begun a batch, whether it waited then or not. So a service with one client never waits, and neither
//    does one whose calls cost what their requests do.
//  - Other calls run, and one more beside them would only slow them down, as on a GPU or under a lock. How
//    much slower a call is beside so many others is measured, too. Then what waits gathers until one of them
//    ends or it is a full batch; so threads that are too many do no harm.
//
// Where a call costs little beside what its requests do, a batch is no larger than brings something: it would
// only make the first of them wait for the last, and keep other threads from running them.
//
// The fixed rule is EAS's: a full batch, or the oldest request has waited for the timeout.
#ifndef EAS_NATIVE_BATCH_RULE_H_
#define EAS_NATIVE_BATCH_RULE_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "batching.h"

namespace eas {

// The time of a call by the number of its requests: a line through the calls so far, by least squares whose
// weights fade.
class CallCost {
 public:
  void Add(double requests, double nanoseconds);

  // Nanoseconds that each call costs, and that each request adds. 0 as long as nothing is known.
  double base() const;
  double each() const;
  double Of(double requests) const { return base() + each() * requests; }

  // How many requests share a call so that more would win little: where `each` is most of it, one. 0: not
  // known.
  double Worthwhile() const;

 private:
  double weight_ = 0, requests_ = 0, squares_ = 0, time_ = 0, products_ = 0;
  double slope_ = 0;  // when calls of several sizes were among them last
};

// How much slower calls are beside others. All levels count the call itself: 1 is a call alone.
class Slowdown {
 public:
  // A call at `level` took `ratio` times as long as one alone.
  void Add(size_t level, double ratio);

  // Whether a call at `level` lets more requests be answered than those beside it do without it. Every so
  // often a level that is not known to be useful is tried.
  bool IsUseful(size_t level);

  // The same, but for trials.
  bool IsKnownUseful(size_t level) const;

  // How many times as long a call at `level` takes; 0: not measured.
  double At(size_t level) const { return level < ratios_.size() ? ratios_[level] : 0; }

 private:
  std::vector<double> ratios_;  // averages by level; 0: not measured
  unsigned refused_ = 0;
};

// What the threads of one worker process share. All times are CLOCK_MONOTONIC nanoseconds.
class BatchRule {
 public:
  explicit BatchRule(const eas_batching& batching);

  const eas_batching& batching() const { return batching_; }

  // Until when a thread that could run `waiting` requests now, the oldest of which was submitted at `oldest`,
  // had better wait for more; 0: it takes them now, *most at most.
  uint64_t WaitUntil(uint64_t waiting, uint64_t oldest, uint64_t now, uint64_t* most);

  // A thread begins a call with requests that were submitted at these times. Returns its level, for Ended.
  size_t Started(const std::vector<uint64_t>& submitted, uint64_t now);

  // A call with so many requests took so long; 0 requests: nothing is to be learnt from it.
  void Ended(size_t level, size_t requests, uint64_t nanoseconds);

 private:
  uint64_t Most();
  bool MayRunBeside();
  bool Pays(double waiting, double wait) const;
  void CountArrivals(const std::vector<uint64_t>& submitted);
  double Wait() const;

  const eas_batching batching_;
  std::mutex mutex_;  // guards what follows
  CallCost cost_;     // of calls alone
  Slowdown slowdown_;
  unsigned begun_ = 0;         // batches so far
  size_t running_ = 0;         // calls
  bool asked_ = false;         // whether that is known:
  bool beside_ = true;         // one more may run beside them
  uint64_t ready_ = 0;         // since when a thread could run what waits; 0: it could not yet
  double enough_ = 0;          // how many requests wait once those have come that usually do
  double arrivals_ = 0;        // how many requests come within Wait() of such a moment, on average
  uint64_t window_begin_ = 0;  // the moment after which they are counted now; 0: none
  uint64_t window_end_ = 0;
  unsigned counted_ = 0;
};

}  // namespace eas

#endif  // EAS_NATIVE_BATCH_RULE_H_
