/* SPDX-License-Identifier: Apache-2.0
 *
 * How publications of one key race for slots (BucketTable.publish, TileCache.settle, exchange, clear), as a model for
 * spin. Two slots in the order from home, all within the key's window. Every block has a number of its own; which one
 * readers find is the first slot that is not 0.
 *
 * Shown: when all is quiet, at most one slot has the key; no block is unlinked twice; and what was replaced does not come
 * back: no look-up that begins after a newer tile was seen (or its writer has returned) finds a tile that was known
 * before that newer one's writer began. Two writers that find the key absent and race are not ordered until both have
 * returned.
 *
 * Mutations that must be caught:
 *   -DNO_SECOND_LOOK   who published does not look again
 *   -DEVICT_BLINDLY    the keeper clears a slot without a look at what lies behind it
 */

#define SLOTS 2
#define BLOCKS 4

byte slot[SLOTS];         /* 0: empty, else a block */
byte unlinked[BLOCKS];    /* how often a block was unlinked */
/* Sets of blocks, as bits. */
byte known = 0;           /* was found, or its writer has returned */
byte gone = 0;            /* something newer is known, so it must not be found again */
byte older[BLOCKS];       /* what was known when the block's writer began */
byte left = 0;

inline learn(block) { known = known | (1 << block); gone = gone | older[block] }

inline unlink(place, what) {
    d_step {
        if
        :: slot[place] == what -> slot[place] = 0; unlinked[what]++; assert(unlinked[what] == 1)
        :: else
        fi
    }
}

/* Everyone who wrote a word: looks at all places and removes all but the nearest. */
inline settle() {
    found = slot[0];
    position = slot[1];
    if
    :: found != 0 && position != 0 -> unlink(1, position)
    :: else
    fi
}

/* Replaces what is there, or publishes in the first free slot. `own` is its block. The slots before `from` were taken by
 * other keys when this thread passed them. */
proctype Replacer(byte own; byte from) {
    byte found, position;
    bool done = false;
    older[own] = known;
    do
    :: done -> break
    :: else ->
        position = 0;
        found = slot[0];
        if
        :: found == 0 -> found = slot[1]; position = 1
        :: else
        fi;
        if
        :: found != 0 ->
            atomic {
                if
                :: slot[position] == found ->
                    slot[position] = own;
                    unlinked[found]++;
                    assert(unlinked[found] == 1);
                    done = true
                :: else
                fi;
                found = 0;
                position = 0
            }
        :: else ->
            position = from;
            do
            :: position < SLOTS && !done ->
                atomic { if :: slot[position] == 0 -> slot[position] = own; done = true :: else fi; position++ }
            :: else -> break
            od;
            position = 0
        fi
    od;
#ifndef NO_SECOND_LOOK
    settle();
#endif
    atomic { learn(own); left++; found = 0; position = 0; done = false }
}

/* The keeper: takes out what it finds in the first slot, unless a second one lies behind. */
proctype Keeper() {
    byte word, behind;
    word = slot[0];
#ifndef EVICT_BLINDLY
    behind = slot[1];
#endif
    if
    :: word != 0 && behind == 0 -> unlink(0, word)
    :: else
    fi;
    atomic { left++; word = 0; behind = 0 }
}

/* Every look-up reads slot by slot. */
proctype Reader() {
    byte turn, found, forbidden;
    do
    :: turn < 2 ->
        turn++;
        forbidden = gone;
        found = slot[0];
        if
        :: found == 0 -> found = slot[1]
        :: else
        fi;
        if
        :: found != 0 -> atomic { assert((forbidden & (1 << found)) == 0); learn(found); found = 0; forbidden = 0 }
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
        run Replacer(3, 0);
        run Keeper();
        run Reader()
    };
    (left == 5);
    i = 0;
    do
    :: i < SLOTS -> if :: slot[i] != 0 -> count++ :: else fi; i++
    :: else -> break
    od;
    assert(count <= 1)
}
