/* SPDX-License-Identifier: Apache-2.0
 *
 * The epoch protocol of Sources/LockFree/Collector.swift as a model for spin (sequentially consistent interleavings;
 * what each ordering must be beyond that is argued in docs/synchronization.md).
 *
 * One slot of the table holds the number of a block. Writers replace it, retire what they took out, and reclaim.
 * Readers go on-line, load the slot, look at the block for a while, and go off-line. A block that is freed while a reader
 * looks at it is the fault; so is one that is never freed once all readers have left.
 *
 * Mutations, each of which must be caught (Tests/Models/run checks that it is):
 *   -DTAG_BEFORE_UNLINK   the tag is read before the unlink
 *   -DONE_EPOCH_EARLY     a block is freed where its tag equals the lowest announced epoch
 *   -DSPLIT_ONLINE        going on-line has no effect before the first load (a store without a fence)
 *   -DSCAN_FIRST          slots are scanned before the epoch advances
 */

#define READERS 2
#define WRITERS 2
#define BLOCKS 3          /* block 0 is there from the start, each writer publishes one more */

byte epoch = 1;           /* Collector.epoch */
byte announced[READERS];  /* the participants' slots; 0: off-line */
byte current = 0;         /* the table's slot */

bool freed[BLOCKS];
bool retired[BLOCKS];
byte tag[BLOCKS];
byte looking[READERS];    /* 1 + the block that a reader looks at */
byte leftReaders = 0;
byte leftWriters = 0;

/* Frees what may be freed. Each line is one atomic step. */
inline reclaim() {
    byte lowest, i, seen;
#ifdef SCAN_FIRST
    lowest = 255;
#else
    d_step { epoch++; lowest = epoch }
#endif
    i = 0;
    do
    :: i < READERS ->
        seen = announced[i];
        if
        :: seen != 0 && seen < lowest -> lowest = seen
        :: else
        fi;
        i++
    :: else -> break
    od;
#ifdef SCAN_FIRST
    atomic {
        epoch++;
        if :: lowest == 255 -> lowest = epoch :: else fi
    }
#endif
    /* Items are taken off the list under the collector's lock, and freed. */
    atomic {
        i = 0;
        do
        :: i < BLOCKS ->
            if
#ifdef ONE_EPOCH_EARLY
            :: retired[i] && !freed[i] && tag[i] <= lowest ->
#else
            :: retired[i] && !freed[i] && tag[i] < lowest ->
#endif
                freed[i] = true;
                assert(looking[0] != i + 1 && looking[1] != i + 1)
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0;
        lowest = 0;
        seen = 0
    }
}

proctype Writer(byte fresh) {
    byte old, mark;
#ifdef TAG_BEFORE_UNLINK
    mark = epoch;
#endif
    d_step { old = current; current = fresh };
#ifndef TAG_BEFORE_UNLINK
    mark = epoch;
#endif
    d_step { tag[old] = mark; retired[old] = true };
    reclaim();
    leftWriters++
}

proctype Reader(byte me; byte turns) {
    byte turn, now, block;
    do
    :: turn < turns ->
        turn++;
        now = epoch;
#ifdef SPLIT_ONLINE
        block = current;
        announced[me] = now;
        looking[me] = block + 1;
#else
        announced[me] = now;
        /* The load, and from here on the reader may touch the block at any time. */
        d_step { block = current; looking[me] = block + 1 };
#endif
        assert(!freed[block]);
        d_step { looking[me] = 0; block = 0; now = 0 };
        announced[me] = 0
    :: else -> break
    od;
    leftReaders++
}

init {
    byte block;
    atomic {
        run Reader(0, 1);
        run Reader(1, 2);
        run Writer(1);
        run Writer(2)
    };
    (leftReaders == READERS && leftWriters == WRITERS);
    /* In the end one more attempt frees everything that was retired. */
    reclaim();
    block = 0;
    do
    :: block < BLOCKS ->
        assert(!retired[block] || freed[block]);
        assert(block != current || !retired[block]);
        block++
    :: else -> break
    od
}
