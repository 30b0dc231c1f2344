// SPDX-License-Identifier: Apache-2.0

/// A binary heap of objects by a key, smallest first, in which keys may change.
struct ObjectHeap {
    private var order: [Int32] = []
    private var place: [Int32]
    private var keys: [Double]

    init(count: Int) {
        place = Array(repeating: -1, count: count)
        keys = Array(repeating: 0, count: count)
    }

    var isEmpty: Bool { order.isEmpty }
    var first: Int { Int(order[0]) }
    func contains(_ object: Int) -> Bool { place[object] >= 0 }
    func key(_ object: Int) -> Double { keys[object] }

    mutating func set(_ object: Int, _ key: Double) {
        if place[object] < 0 {
            place[object] = Int32(order.count)
            order.append(Int32(object))
        }
        keys[object] = key
        up(Int(place[object]))
        down(Int(place[object]))
    }

    mutating func remove(_ object: Int) {
        let hole = Int(place[object])
        place[object] = -1
        let last = order.removeLast()
        guard hole < order.count else { return }
        order[hole] = last
        place[Int(last)] = Int32(hole)
        up(hole)
        down(Int(place[Int(last)]))
    }

    private mutating func up(_ start: Int) {
        var child = start
        let object = order[child]
        let key = keys[Int(object)]
        while child > 0 {
            let parent = (child - 1) / 2
            guard keys[Int(order[parent])] > key else { break }
            order[child] = order[parent]
            place[Int(order[child])] = Int32(child)
            child = parent
        }
        order[child] = object
        place[Int(object)] = Int32(child)
    }

    private mutating func down(_ start: Int) {
        var parent = start
        let object = order[parent]
        let key = keys[Int(object)]
        while true {
            var child = 2 * parent + 1
            guard child < order.count else { break }
            if child + 1 < order.count && keys[Int(order[child + 1])] < keys[Int(order[child])] { child += 1 }
            guard keys[Int(order[child])] < key else { break }
            order[parent] = order[child]
            place[Int(order[parent])] = Int32(parent)
            parent = child
        }
        order[parent] = object
        place[Int(object)] = Int32(parent)
    }
}
