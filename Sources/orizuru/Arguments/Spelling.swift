// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody probably meant by a word that nobody knows.
enum Spelling {
    /// The candidate nearest to `word`, or nil where none is near enough to be worth naming: at most a third of its
    /// letters (and at least two) may differ. Among equals the first wins.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        // A word from outside may be of any length; nothing we know is longer than this.
        guard word.utf8.count <= 128 else { return nil }
        let limit = max(2, word.utf8.count / 3)
        var best: (distance: Int, word: String)?
        for candidate in candidates {
            let distance = distance(word.lowercased(), candidate.lowercased())
            if distance <= limit, distance < candidate.utf8.count, distance < best?.distance ?? .max {
                best = (distance, candidate)
            }
        }
        return best?.word
    }

    /// How many letters must be inserted, removed, changed or swapped with their neighbour to make one word of the
    /// other. Complexity: the product of the lengths. (Optimal string alignment: Damerau 1964, Wagner and Fischer
    /// 1974.)
    static func distance(_ first: String, _ second: String) -> Int {
        let first = Array(first.utf8)
        let second = Array(second.utf8)
        var beforeLast = [Int](repeating: 0, count: second.count + 1)
        var last = Array(0...second.count)
        var current = last
        for row in first.indices {
            current[0] = row + 1
            for column in second.indices {
                let isEqual = first[row] == second[column]
                var best = min(last[column] + (isEqual ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current[column + 1] = best
            }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[second.count]
    }
}
