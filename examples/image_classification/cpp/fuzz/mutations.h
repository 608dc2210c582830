// New images from old ones.

#ifndef DIGITS_FUZZ_MUTATIONS_H_
#define DIGITS_FUZZ_MUTATIONS_H_

#include "dice.h"

namespace digits::fuzz {

// Whatever the bytes mean: flips, runs, cuts, copies within.
void MutateBytes(Dice& dice, Input& input);

// Chunk by chunk, with lengths and check sums that are right again afterwards, and pixels changed inside of
// what zlib packed. Other bytes than a PNG's are left as they are.
void MutatePng(Dice& dice, Input& input);

// A PNG of a random kind: size, depth, colour type, interlacing, palette, transparency. Mostly a valid one.
Input MakePng(Dice& dice);

// Segment by segment, with right lengths; headers, tables, restarts, the coded data, an end too early.
void MutateJpeg(Dice& dice, Input& input);

// One or a few of these, as they suit the input.
void Mutate(Dice& dice, Input& input);

}  // namespace digits::fuzz

#endif  // DIGITS_FUZZ_MUTATIONS_H_
