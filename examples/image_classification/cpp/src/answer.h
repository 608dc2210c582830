// The answer's text: {"class": 7, "scores": [0.000001, ...], "top_k": [{"class": 7, "score": 0.980000}, ...]}

#ifndef DIGITS_ANSWER_H_
#define DIGITS_ANSWER_H_

#include <string>

#include "classifier.h"

namespace digits {

// `top_k` classes are listed, the best first; of equal ones the lower.
std::string WriteAnswer(const Scores& scores, int top_k);

}  // namespace digits

#endif  // DIGITS_ANSWER_H_
