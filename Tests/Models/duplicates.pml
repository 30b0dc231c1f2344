/* SPDX-License-Identifier: Apache-2.0
 *
 * How publications of one key race for slots (BucketTable.publish, TileCache.settle, exchange, clear), as a model for
 * spin. Three slots in the order from home, all within the key's window. Every block has a number of its own; which one
 * readers find is the first slot that is not 0.
 *
 * Shown: when all is quiet, at most one slot has the key, and no block is unlinked twice. Once a replacement has
 * returned, no reader finds what it replaced (`stale`), even while one of two racing blocks is being evicted.
 *
 * Mutations that must be caught:
 *   -DNO_SECOND_LOOK   who published does not look again
 *   -DEVICT_BLINDLY    the keeper clears a slot without a look at what lies behind it
 */

#define SLOTS 3
#define BLOCKS 5

byte slot[SLOTS];         /* 0: empty, else a block */
byte unlinked[BLOCKS];    /* how often a block was unlinked */
bool gone[BLOCKS];        /* a newer tile was visible after this block, so it must not be found again */
byte left = 0;

inline unlink(position, word) {
    d_step {
        if
        :: slot[position] == word -> slot[position] = 0; unlinked[word]++; assert(unlinked[word] == 1)
        :: else
        fi
    }
}

/* Everyone who wrote a word: looks at all places and removes all but the nearest, the furthest first. */
inline settle() {
    byte seen[SLOTS];
    byte nearest;
    nearest = SLOTS;
    i = 0;
    do
    :: i < SLOTS -> seen[i] = slot[i]; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < SLOTS && seen[i] == 0 -> i++
    :: else -> nearest = i; break
    od;
    i = SLOTS - 1;
    do
    :: i > nearest && i < SLOTS ->
        if :: seen[i] != 0 -> unlink(i, seen[i]) :: else fi;
        i--
    :: else -> break
    od
}

/* Replaces what is there, or publishes in the first free slot. `own` is its block. */
proctype Replacer(byte own; byte skip) {
    byte i, found, position;
    bool done = false;
    do
    :: done -> break
    :: else ->
        i = 0;
        found = 0;
        do
        :: i < SLOTS && found == 0 -> found = slot[i]; position = i; i++
        :: else -> break
        od;
        if
        :: found != 0 ->
            d_step {
                if
                :: slot[position] == found ->
                    slot[position] = own;
                    unlinked[found]++;
                    assert(unlinked[found] == 1);
                    done = true
                :: else
                fi
            }
        :: else ->
            /* Slots before `skip` were taken by other keys when this thread passed them. */
            i = skip;
            do
            :: i < SLOTS && !done ->
                d_step { if :: slot[i] == 0 -> slot[i] = own; done = true :: else fi };
                i++
            :: else -> break
            od
        fi
    od;
#ifndef NO_SECOND_LOOK
    settle();
#endif
    left++
}

/* The keeper: takes out what it finds in any slot, unless a second one lies behind. */
proctype Keeper() {
    byte i, word, behind;
    bool further;
    i = 0;
    do
    :: i < SLOTS ->
        word = slot[i];
        further = false;
#ifndef EVICT_BLINDLY
        behind = i + 1;
        do
        :: behind < SLOTS -> if :: slot[behind] != 0 -> further = true :: else fi; behind++
        :: else -> break
        od;
#endif
        if
        :: word != 0 && !further -> unlink(i, word)
        :: else
        fi;
        i++
    :: else -> break
    od;
    left++
}

/* A reader: what it found last must not come back after it has found something newer in its place. */
proctype Reader() {
    byte turn, i, found, last;
    do
    :: turn < 3 ->
        turn++;
        found = 0;
        i = 0;
        do
        :: i < SLOTS && found == 0 -> found = slot[i]; i++
        :: else -> break
        od;
        if
        :: found != 0 && found != last ->
            assert(!gone[found]);
            if :: last != 0 -> gone[last] = true :: else fi;
            last = found
        :: else
        fi
    :: else -> break
    od;
    left++
}

init {
    byte i, count;
    atomic {
        run Replacer(1, 1);
        run Replacer(2, 0);
        run Keeper();
        run Reader()
    };
    (left == 4);
    i = 0;
    do
    :: i < SLOTS -> if :: slot[i] != 0 -> count++ :: else fi; i++
    :: else -> break
    od;
    assert(count <= 1)
}
