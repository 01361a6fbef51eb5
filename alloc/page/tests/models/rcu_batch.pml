/*
 * The batches of the rcu engine (alloc/page/engines/rcu.c), as a model for
 * Spin: a thread that appends what it frees to the batch in its slot, without
 * a lock, and a flush that takes the batch away.
 *
 * Checked in every interleaving: each freed frame is recycled exactly once, and
 * no batch is in two hands; every run ends.
 *
 * A mistake that must be found: -DNO_DETACH_GRACE_PERIOD, the flush reads the
 * batch at once instead of waiting for its owner's section.
 *
 * Memory is sequentially consistent here; see rcu_stack.pml.
 */
#define NR_FRAMES  5 /* freed one after the other: 0, 1, ... */
#define NR_BATCHES 3
#define ROOM       2
#define EMPTY      NR_BATCHES /* the batch without room */

#define POOL    0
#define IN_SLOT 1
#define LISTED  2
#define FLUSHED 3

byte slot = EMPTY;
byte nr[NR_BATCHES];
byte entry[NR_BATCHES * ROOM];
byte place[NR_BATCHES];
byte recycled[NR_FRAMES];
bit in_section, waited_for, done;

/* Everything in the batch goes back, the batch into the pool. */
inline recycle(b) {
	i = 0;
	do
	:: i < nr[b] ->
		recycled[entry[b * ROOM + i]]++;
		assert(recycled[entry[b * ROOM + i]] == 1);
		entry[b * ROOM + i] = 0;
		i++
	:: else -> break
	od;
	i = 0;
	nr[b] = 0;
	place[b] = POOL
}

proctype owner() {
	byte f, mine = EMPTY, at;
	bit stored;

	do
	:: f < NR_FRAMES ->
		stored = 0;
		do
		:: stored -> break
		:: else ->
			atomic { in_section = 1; mine = slot };
			if
			:: mine != EMPTY && nr[mine] < ROOM ->
				at = nr[mine];
				entry[mine * ROOM + at] = f;
				nr[mine] = at + 1;
				stored = 1
			:: else
			fi;
			atomic {
				in_section = 0;
				waited_for = 0;
				mine = EMPTY;
				at = 0
			};
			if
			:: !stored ->
				/* hand over, under the lock of the list */
				atomic {
					if
					:: slot != EMPTY ->
						place[slot] = LISTED;
						slot = EMPTY
					:: else
					fi
				};
				/* open another: wait for the pool */
				atomic {
					if
					:: place[0] == POOL -> mine = 0
					:: place[1] == POOL -> mine = 1
					:: place[2] == POOL -> mine = 2
					fi;
					assert(nr[mine] == 0);
					place[mine] = IN_SLOT;
					slot = mine;
					mine = EMPTY
				}
			:: else
			fi
		od;
		f++
	:: else -> break
	od;
	done = 1
}

proctype flush() {
	byte b, mine = EMPTY, i;
	bit last;

	do
	:: !last ->
		last = done;
		/* under the lock of the list */
		atomic {
			mine = slot;
			slot = EMPTY;
			if
			:: mine != EMPTY ->
				assert(place[mine] == IN_SLOT);
				place[mine] = FLUSHED
			:: else
			fi
		};
#ifndef NO_DETACH_GRACE_PERIOD
		waited_for = in_section;
		!waited_for;
#endif
		atomic {
			if
			:: mine != EMPTY -> recycle(mine)
			:: else
			fi;
			mine = EMPTY;
			b = 0;
			do
			:: b < NR_BATCHES ->
				if
				:: place[b] == LISTED -> recycle(b)
				:: else
				fi;
				b++
			:: else -> break
			od;
			b = 0
		}
	:: else -> break
	od;
	/* no freed frame is lost */
	do
	:: i < NR_FRAMES -> assert(recycled[i] == 1); i++
	:: else -> break
	od
}

init {
	atomic { run owner(); run flush() }
}
