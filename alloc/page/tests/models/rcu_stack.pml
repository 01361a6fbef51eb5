/*
 * Protocol of the rcu engine (alloc/page/engines/rcu.c), as a model for Spin:
 * one stack of free frames linked through link[], two threads that allocate
 * and free, one that recycles what was freed and flushes the stack.
 *
 * Checked in every interleaving: no frame is handed out twice; none is lost; a
 * pop that succeeds takes the head and leaves the frame that is below it (no
 * ABA); every run ends.
 *
 * What is one step here and is more in the engine: a section begins with the
 * look at the head and ends with the exchange, so it is as short as can be and
 * a grace period waits for as little as it may; a grace period begins at one
 * instant. Memory is sequentially consistent here: the engine's header argues
 * the order of its accesses.
 *
 * Mistakes that must be found:
 *   -DNO_GRACE_PERIOD         freed frames are pushed at once
 *   -DNO_FLUSH_GRACE_PERIOD   flushed frames are pushed at once
 *
 *   spin -a rcu_stack.pml && cc -O2 -o pan pan.c && ./pan
 *
 * scripts/tests/spin_test.sh runs all three.
 */
#define NR_FRAMES  3
#define NR_THREADS 2
#define NR_OPS     2
#define NONE       NR_FRAMES

#define ON_STACK 0
#define HELD     1
#define LIMBO    2
#define AWAY     3 /* with the recycler */

byte head;
byte link[NR_FRAMES];
byte state[NR_FRAMES];
bit in_section[NR_THREADS];
bit waited_for[NR_THREADS]; /* open when the grace period began */
byte done;

/* Which frames the recycler has: its array of pfns, so that the links of
 * frames that a stale pop may still look at are not touched. */
byte next_away[NR_FRAMES];

/* A grace period waits for the sections that are open when it begins. */
inline grace_period() {
	atomic {
		waited_for[0] = in_section[0];
		waited_for[1] = in_section[1]
	};
	!waited_for[0] && !waited_for[1]
}

inline section_exit() {
	in_section[me] = 0;
	waited_for[me] = 0
}

proctype thread(byte me) {
	byte ops, seen, below;

	do
	:: ops < NR_OPS ->
		/* allocate */
		do
		::	atomic { in_section[me] = 1; seen = head };
			if
			:: seen == NONE ->
				atomic { section_exit(); seen = NONE };
				break
			:: else
			fi;
			below = link[seen];
			atomic {
				if
				:: head == seen ->
					/* handed out once only */
					assert(state[seen] == ON_STACK);
					/* what comes up is below: no ABA */
					assert(below == link[seen]);
					head = below;
					state[seen] = HELD;
					below = 0
				:: else ->
					seen = NONE;
					below = 0
				fi;
				section_exit()
			};
			if
			:: seen != NONE -> break
			:: else
			fi
		od;
		/* free */
		atomic {
			if
			:: seen != NONE ->
				assert(state[seen] == HELD);
				state[seen] = LIMBO
			:: else
			fi;
			seen = 0;
			ops++
		}
	:: else -> break
	od;
	done++
}

/* A chain of frames that are AWAY, one after the other: the link is written,
 * then the head exchanged, unless somebody else has changed it. */
inline push_all() {
	do
	:: chain != NONE ->
		atomic { f = chain; chain = next_away[f]; next_away[f] = 0 };
		do
		::	atomic { seen = head; link[f] = seen };
			atomic {
				if
				:: head == seen ->
					assert(state[f] == AWAY);
					head = f;
					state[f] = ON_STACK;
					f = NONE
				:: else
				fi;
				seen = 0
			};
			if
			:: f == NONE -> break
			:: else
			fi
		od
	:: else -> break
	od;
	atomic { f = 0; chain = 0 }
}

inline take_limbo() {
	atomic {
		chain = NONE;
		f = 0;
		do
		:: f < NR_FRAMES ->
			if
			:: state[f] == LIMBO ->
				state[f] = AWAY;
				next_away[f] = chain;
				chain = f
			:: else
			fi;
			f++
		:: else -> break
		od;
		f = 0
	}
}

inline take_stack() {
	atomic {
		chain = NONE;
		f = head;
		head = NONE;
		do
		:: f != NONE ->
			state[f] = AWAY;
			next_away[f] = chain;
			chain = f;
			f = link[f]
		:: else -> break
		od;
		f = 0
	}
}

proctype recycler() {
	byte chain, f, seen;

	do
	:: done < NR_THREADS ->
		/* what was freed: a batch after call_rcu */
		take_limbo();
#ifndef NO_GRACE_PERIOD
		grace_period();
#endif
		push_all()
	:: done < NR_THREADS ->
		/* a flush: the whole stack, to be merged and split again */
		take_stack();
#ifndef NO_FLUSH_GRACE_PERIOD
		grace_period();
#endif
		push_all()
	:: done == NR_THREADS ->
		break
	od;
	/* all is quiet: what is in limbo comes home, then count */
	take_limbo();
	push_all();
	atomic {
		f = head;
		do
		:: f != NONE ->
			assert(state[f] == ON_STACK);
			state[f] = AWAY; /* a frame that comes twice fails */
			seen++;
			f = link[f]
		:: else -> break
		od;
		/* no frame is lost */
		assert(seen == NR_FRAMES)
	}
}

init {
	byte i;

	atomic {
		do
		:: i < NR_FRAMES ->
			link[i] = i + 1;
			i++
		:: else -> break
		od;
		head = 0;
		i = 0;
		run thread(0);
		run thread(1);
		run recycler()
	}
}
