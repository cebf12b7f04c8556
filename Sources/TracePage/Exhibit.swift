import Foundation
import Tensors

/// A part of the page that a reader touches: a heading, a few words, and a script.
///
/// The script has the exhibit's name (`Page/microscope/microscope.js`). It is given what `gather`
/// makes of the trace, as JSON, and finds the arrays that `gather` added under their names.
struct Exhibit: Sendable {
  /// The name of its script, and its anchor in the page.
  let name: String
  /// Further scripts that it is made of (`microscope/roi`, `shared/scene`), in the order in which
  /// they are read before its own; exhibits may share them.
  var uses: [String] = []
  /// The stage in whose section it is shown.
  let stage: String
  /// Its heading.
  let title: String
  /// What to do with it and what to see, as HTML.
  let lead: String
  /// A file of HTML with what is known beyond the trace, shown below the lead.
  var evidence: String?
  /// Whether it is folded away until the reader asks for it.
  var isFolded = false
  /// Whether it is shown at the top of the page, before all stages.
  var isOpening = false
  /// What the script needs; nil where the trace does not hold it, and the exhibit is left out.
  let gather: @Sendable (PageSource, inout PageData) throws -> (any Encodable)?

  /// Every exhibit, in the order of the page.
  static let all: [Exhibit] = [
    .overview, .maps, .suppression, .microscope, .sweep, .biography, .masks, .downstream,
  ]
}
