import Tensors

@testable import Stage2Anchors
@testable import Stage3Proposals

/// Inputs small enough to be seen through, the same on every machine, and free of any weights.
enum Small {
  /// The image's sides.
  static let side = 96

  /// A bright disc and a darker one on a slope, `[3, 96, 96]`.
  static let image = Tensor(
    [3, side, side],
    (0..<3 * side * side).map { index in
      let x = Float(index % side) + 0.5
      let y = Float(index / side % side) + 0.5
      let channel = Float(index / (side * side))
      var value = 0.1 + 0.1 * x / Float(side) + 0.04 * channel
      if distance(x, y, 32, 36) < 18 { value = 0.85 - 0.1 * channel }
      if distance(x, y, 66, 62) < 12 { value = 0.5 + 0.1 * channel }
      return value
    })

  static func distance(_ x: Float, _ y: Float, _ cx: Float, _ cy: Float) -> Float {
    ((x - cx) * (x - cx) + (y - cy) * (y - cy)).squareRoot()
  }

  /// A map of some channels over the image that is positive on the discs.
  static func map(channels: Int, stride: Int) -> Tensor {
    let cells = side / stride
    return Tensor(
      [1, channels, cells, cells],
      (0..<channels * cells * cells).map { index in
        let x = (Float(index % cells) + 0.5) * Float(stride)
        let y = (Float(index / cells % cells) + 0.5) * Float(stride)
        let strength = 1 + Float(index / (cells * cells)) / 2
        let rise = min(distance(x, y, 32, 36) / 18, distance(x, y, 66, 62) / 12)
        return strength * (1 - min(rise, 2))
      })
  }

  /// P2 … P5 at strides 4 … 32.
  static let pyramid = [4, 8, 16, 32].map { map(channels: 3, stride: $0) }

  /// Two levels with three anchors per cell, surest on the discs.
  static let levels: [LevelDrawing] = [(2, 8, Float(20)), (3, 16, Float(36))].map {
    number, stride, size in
    let cells = side / stride
    let base = baseAnchors(size: size, aspectRatios: [0.5, 1, 2])
    let logits = map(channels: 3, stride: stride)
    let deltas = Tensor(
      [1, 12, cells, cells],
      (0..<12 * cells * cells).map { Float($0 * 37 % 101) / 250 - 0.2 })
    return LevelDrawing(
      name: "P\(number)",
      prediction: RPNPrediction(objectness: logits.map { 4 * $0 }, deltas: deltas),
      anchors: gridAnchors(
        base: base, rows: cells, columns: cells, rowStride: stride, columnStride: stride),
      base: base, stride: (stride, stride))
  }

  static let proposalOptions = ProposalOptions(
    preNMSTopN: 60, minimumSize: 1, nmsThreshold: 0.5, postNMSTopN: 20, deltaOrder: .xFirst)

  /// What stage 3 makes of `levels`.
  static let proposals = Stage3Proposals.proposals(
    levels.map {
      LevelCandidates(
        objectness: $0.prediction.objectness, deltas: $0.prediction.deltas, anchors: $0.anchors)
    }, width: side, height: side, proposalOptions)

  static let noProposals = Proposals(considered: [], kept: [], ledger: [])

  /// Boxes around the two discs, and one that crosses the image's edge.
  static let boxes = [
    Box(14.3, 17.6, 50.2, 54.9), Box(53.8, 50.3, 78.4, 74.1), Box(60.2, 0, 96, 40.7),
  ]

  /// A disc of probabilities, `[28, 28]`.
  static let mask = Tensor(
    [28, 28],
    (0..<784).map { index in
      let r = distance(Float(index % 28) + 0.5, Float(index / 28) + 0.5, 14, 14)
      return min(max((14 - r) / 3, 0), 1)
    })
}
