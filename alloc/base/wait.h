/*
 * Sleeping until a 32-bit word changes. For threads of the background (kswapd,
 * kcompactd) and for whoever must wait for one; never on a path that usually
 * does not wait. Relative times, so nothing here reads a clock.
 */
#ifndef ALLOC_BASE_WAIT_H
#define ALLOC_BASE_WAIT_H

#include <stdatomic.h>

#include "alloc/base/base.h"

#define WAIT_FOREVER 0

/*
 * Sleeps while *word == seen, timeout_ns at most (WAIT_FOREVER: without
 * limit). Returns at a wake-up, a change or a signal: the caller looks again.
 * False: the time is over. No lock held.
 */
bool word_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns);

/* Wakes all that sleep on word. The word was changed before. */
void word_wake(_Atomic uint32_t *word);

#endif
