// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer

/// The pages of our own, and what they load.
extension TileHandler {
    func page(_ route: Route, _ request: borrowing Request, _ responder: inout Responder) {
        switch route {
        case .home: document(catalog.home, request, &responder)
        case .viewer(let index): document(catalog.viewer(index), request, &responder)
        case .comparison(let left, let right): document(catalog.comparison(left, right), request, &responder)
        case .asset(let index): document(Pages.assets[index].document, request, &responder)
        default: refuse(.notFound, "not found\n", &responder)
        }
    }
}
