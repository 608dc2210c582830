// Which steps, from one basic block to the next, the library's own code has taken. Each block of it calls
// __sanitizer_cov_trace_pc() (gcc's -fsanitize-coverage=trace-pc), which is all that a compiler has to offer
// for it.

#ifndef DIGITS_FUZZ_COVERAGE_H_
#define DIGITS_FUZZ_COVERAGE_H_

#include <cstddef>

namespace digits::fuzz {

// Steps taken so far, of all inputs together. An input that raises it has shown something new.
std::size_t StepsSeen();

}  // namespace digits::fuzz

#endif  // DIGITS_FUZZ_COVERAGE_H_
