// What the stages compute, by the names that the tensors have in a trace.

/// A tensor of a session, or one per level. Boxes are in input pixels unless said otherwise.
///
/// C F channels, H W rows and columns of a level, A anchors per cell, R proposals, K classes with the
/// background as class 0, D detections, Y X the grid of bins, M side of a mask.
enum TensorName: String, CaseIterable {
  // Stage 0.
  /// `[3, H0, W0]`, RGB in 0...1.
  case image
  /// `[3, H0, W0]`
  case normalised
  /// `[3, H, W]`
  case resized
  /// `[1, 3, Hp, Wp]`
  case padded
  /// `[3, 2]`: height and width of the image, resized, padded.
  case sizes
  // Stage 1.
  /// `[1, C, H, W]`
  case stem, pooled
  /// C2 … C5, `[1, C, H, W]` each.
  case trunk
  /// P2 … P6, `[1, F, H, W]` each.
  case pyramid
  // Stage 2, per level.
  /// `[1, A, H, W]`
  case objectness
  /// `[1, 4 A, H, W]`
  case deltas
  /// `[H W A, 4]`
  case anchors
  // Stage 3.
  /// `[candidates, 12]`: level row column shape logit x1 y1 x2 y2 fate suppressedBy overlap.
  case candidateLedger
  /// Indices in the ledger of those looked at.
  case considered
  /// `[R, 4]`
  case proposals
  /// `[R]`
  case proposalScores
  /// `[R]`, indices in the ledger.
  case proposalIndex
  // Stage 4.
  /// `[R]`, 2 for P2.
  case roiLevels
  /// `[R, F, Y, X]`
  case features
  // Stage 5.
  /// `[R, features]`
  case boxFeatures
  /// `[R, K]`
  case classLogits, classScores
  /// `[R, 4 K]`
  case boxDeltas
  /// `[R, K, 4]`
  case refined
  /// `[entries, 10]`: proposal class score x1 y1 x2 y2 fate suppressedBy overlap.
  case detectionLedger
  /// `[D]`, indices in the ledger.
  case detectionIndex
  /// `[D, 4]`
  case detectionBoxes
  /// `[D]`
  case detectionScores, detectionLabels, detectionProposals
  /// `[D]`, 2 for P2.
  case maskLevels
  /// `[D, F, Y, X]`
  case maskFeatures
  /// `[D, K, M, M]`
  case maskLogits
  // Stage 6.
  /// `[D, M, M]`
  case probabilities
  /// `[D, 4]`, in image pixels.
  case boxes
  /// `[D, 4]`: x1 y1 x2 y2 in image pixels, x2 and y2 exclusive.
  case windows
  /// The probabilities of the pixels of all windows, one window after the other.
  case soft
  /// `[D]`, pixels over the threshold.
  case areas
  /// `[H0, W0]`: 0, or 1 and the number of the detection that has the pixel.
  case labelMap
}
