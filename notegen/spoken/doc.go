// Package spoken reads numbers the way people say them.
//
// [Scan] cuts text into words, numbers and punctuation. [Cardinal] reads one
// number by the grammar of English ("a hundred and two"); [Digits] rewrites
// the numbers of a sentence for a note ("one twenty over eighty" becomes
// 120/80). The groundedness check uses the same words but allows every
// reading a listener could have, because a wrong alarm costs a physician's
// attention.
//
// Everything is a pure function over tables that never change.
package spoken
