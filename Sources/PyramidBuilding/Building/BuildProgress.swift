// SPDX-License-Identifier: Apache-2.0

/// How far a build has come: units done and units in all. Called on the building thread.
package typealias BuildProgress = (_ done: Int, _ total: Int) -> Void
