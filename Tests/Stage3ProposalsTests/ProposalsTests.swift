import Foundation
import Stage3Proposals
import Tensors
import Testing

@Suite struct BoxCodingTests {
  @Test("deltas of 0 are the reference; deltas by hand")
  func decoding() {
    let reference = Box(10, 20, 30, 60)
    #expect(BoxCoder.proposals.decode(0, 0, 0, 0, reference: reference) == reference)
    // A tenth of the width to the right, a quarter of the height up, twice as wide.
    let box = BoxCoder.proposals.decode(0.1, -0.25, log(2), 0, reference: reference)
    #expect(abs(box.x1 - 2) < 1e-4 && abs(box.x2 - 42) < 1e-4)
    #expect(box.y1 == 10 && box.y2 == 50)
  }

  @Test("the box head's deltas count a tenth and a fifth")
  func weights() {
    let reference = Box(0, 0, 10, 10)
    let plain = BoxCoder.proposals.decode(0.1, 0.2, 0.3, 0.4, reference: reference)
    let weighted = BoxCoder.detections.decode(1, 2, 1.5, 2, reference: reference)
    #expect(abs(plain.x1 - weighted.x1) < 1e-5 && abs(plain.y2 - weighted.y2) < 1e-5)
  }

  @Test("encoding is the inverse of decoding")
  func inverse() {
    let (box, reference) = (Box(3, 4, 11, 25), Box(0, 0, 16, 16))
    let deltas = BoxCoder.detections.encode(box, reference: reference)
    let again = BoxCoder.detections.decode(
      deltas.dx, deltas.dy, deltas.dw, deltas.dh, reference: reference)
    for (a, b) in zip([again.x1, again.y1, again.x2, again.y2], [box.x1, box.y1, box.x2, box.y2]) {
      #expect(abs(a - b) < 1e-4)
    }
  }

  @Test("a wild size delta grows a box at most 62.5-fold")
  func clamp() {
    let box = BoxCoder.proposals.decode(0, 0, 50, 50, reference: Box(0, 0, 16, 16))
    #expect(abs(box.width - 1000) < 0.1)
  }
}

@Suite struct NonMaximumSuppressionTests {
  // B covers 8 of A's 10 columns: IoU 8 / 12. C touches A. D equals A.
  private let boxes = [
    Box(0, 0, 10, 1), Box(2, 0, 12, 1), Box(10, 0, 20, 1), Box(0, 0, 10, 1),
  ]

  @Test("the better of two overlapping boxes stays, and the ledger names it")
  func ledger() {
    let (order, decisions) = nonMaximumSuppression(
      boxes, scores: [0.9, 0.8, 0.7, 0.6], threshold: 0.5)
    #expect(order == [0, 1, 2, 3])
    #expect(decisions[0] == .kept)
    #expect(decisions[1] == .suppressed(by: 0, overlap: 8.0 / 12))
    #expect(decisions[2] == .kept)
    #expect(decisions[3] == .suppressed(by: 0, overlap: 1))
  }

  @Test("the fast one decides as the plain one, with the same bits")
  func fastAgainstPlain() {
    var state: UInt64 = 7
    func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) * 0x1p-24
    }
    for count in [0, 1, 2, 7, 8, 9, 17, 400] {
      for (groups, threshold) in [(1, 0.0), (1, 0.3), (1, 0.7), (5, 0.5), (1, -1), (2, 1)] {
        let boxes = (0..<count).map { _ in
          let (x, y) = ((8 * next()).rounded(), 8 * next())
          // Whole sides make equal overlaps; some boxes are empty, some turned inside out.
          return Box(x, y, x + (5 * next()).rounded(), y + 5 * next() - 0.5)
        }
        let scores = (0..<count).map { _ in (10 * next()).rounded() / 10 }
        let grouped = groups == 1 ? nil : (0..<count).map { _ in Int(Float(groups) * next()) }
        let plain = plainNonMaximumSuppression(
          boxes, scores: scores, groups: grouped, threshold: threshold)
        let fast = nonMaximumSuppression(
          boxes, scores: scores, groups: grouped, threshold: threshold)
        #expect(fast.order == plain.order)
        #expect(fast.decisions == plain.decisions)
      }
    }
  }

  @Test("an IoU of exactly the threshold stays")
  func exactThreshold() {
    let kept = keptByNonMaximumSuppression(
      [Box(0, 0, 2, 1), Box(0, 0, 1, 1)], scores: [1, 0.5], threshold: 0.5)
    #expect(kept == [0, 1])
  }

  @Test("a suppressed box suppresses none")
  func chain() {
    // B loses to A; C overlaps B by 8 / 12 but A by 6 / 14 only.
    let chain = [Box(0, 0, 10, 1), Box(2, 0, 12, 1), Box(4, 0, 14, 1)]
    #expect(keptByNonMaximumSuppression(chain, scores: [3, 2, 1], threshold: 0.5) == [0, 2])
  }

  @Test("groups do not suppress each other, and equal scores keep their order")
  func groups() {
    let kept = keptByNonMaximumSuppression(
      boxes, scores: [1, 1, 1, 1], groups: [0, 0, 0, 1], threshold: 0.5)
    #expect(kept == [0, 2, 3])
  }

  @Test("no boxes, no decisions; boxes without area survive each other")
  func degenerate() {
    #expect(keptByNonMaximumSuppression([], scores: [], threshold: 0.5).isEmpty)
    let points = [Box(1, 1, 1, 1), Box(1, 1, 1, 1)]
    #expect(keptByNonMaximumSuppression(points, scores: [2, 1], threshold: 0.5) == [0, 1])
  }
}

@Suite struct ProposalsTests {
  /// One level of one row of cells with one anchor of 8 x 8 each, 8 pixels apart; deltas of 0.
  private func level(_ logits: [Float]) -> LevelCandidates {
    LevelCandidates(
      objectness: Tensor([1, 1, 1, logits.count], logits),
      deltas: Tensor([1, 4, 1, logits.count], repeating: 0),
      anchors: logits.indices.map { Box(Float(8 * $0), 0, Float(8 * $0 + 8), 8) })
  }

  private func options(top: Int = 10, most: Int = 10) -> ProposalOptions {
    ProposalOptions(
      preNMSTopN: top, minimumSize: 1, nmsThreshold: 0.7, postNMSTopN: most, deltaOrder: .xFirst)
  }

  @Test("every candidate's fate is told")
  func fates() {
    // The image is 20 pixels wide: cells 0 and 1 lie inside, of cell 2 half is left, of cells 3
    // and 4 nothing.
    let result = proposals(
      [level([1, 3, 2, 4, -1])], width: 20, height: 8, options(top: 4, most: 2))
    #expect(result.considered == [3, 1, 2, 0])
    #expect(result.kept == [1, 2])
    #expect(
      result.ledger.map(\.fate) == [.beyondLimit, .kept, .kept, .clippedAway, .belowTop])
    #expect(result.ledger[2].box == Box(16, 0, 20, 8))
  }

  @Test("a sliver left by clipping is too small")
  func slivers() {
    // Of the second box, from 8 to 16, two pixels are left: less than three, but not less than two.
    var options = options()
    options.minimumSize = 3
    let result = proposals([level([1, 2])], width: 10, height: 8, options)
    #expect(result.ledger.map(\.fate) == [.kept, .tooSmall])
    #expect(result.ledger[1].box == Box(8, 0, 10, 8))
    options.minimumSize = 2
    #expect(
      proposals([level([1, 2])], width: 10, height: 8, options).ledger.map(\.fate) == [
        .kept, .kept,
      ])
    // Of a box wholly outside nothing is left, whatever the least side.
    #expect(
      proposals([level([1, 2])], width: 8, height: 8, options).ledger[1].fate == .clippedAway)
  }

  @Test("more than there are can be asked for")
  func manyAskedFor() {
    let result = proposals(
      [level([1, 2])], width: 16, height: 8, options(top: .max, most: .max))
    #expect(result.kept == [1, 0])
  }

  @Test("levels do not suppress each other; the best of all levels come first")
  func levels() {
    let result = proposals([level([1]), level([2])], width: 8, height: 8, options())
    #expect(result.kept == [1, 0])
    #expect(result.ledger[1].level == 1)
    #expect(abs(result.scores[0] - 0.880797) < 1e-5)
  }

  @Test("equal boxes of one level: the earlier stays, the ledger names it")
  func suppression() {
    var both = level([2, 2])
    both.anchors[1] = both.anchors[0]
    let result = proposals([both], width: 8, height: 8, options())
    #expect(result.ledger.map(\.fate) == [.kept, .suppressed(by: 0, overlap: 1)])
  }

  @Test("deltas are read as dx dy dw dh or as dy dx dh dw")
  func deltaOrder() {
    let candidates = LevelCandidates(
      objectness: Tensor([1, 1, 1, 1], [0]),
      deltas: Tensor([1, 4, 1, 1], [0.5, 0.25, Float(log(2.0)), 0]), anchors: [Box(8, 8, 16, 16)])
    func box(_ order: DeltaOrder) -> Box {
      var options = options()
      options.deltaOrder = order
      return proposals([candidates], width: 40, height: 40, options).ledger[0].box
    }
    // The anchor's centre (12, 12) moves by (4, 2) or (2, 4); its width 8 or its height doubles.
    #expect(box(.xFirst) == Box(8, 10, 24, 18))
    #expect(box(.yFirst) == Box(10, 8, 18, 24))
  }

  @Test("a candidate's place is read from its index: row, column, shape")
  func places() {
    let candidates = LevelCandidates(
      objectness: Tensor([1, 2, 2, 3], (0..<12).map { Float($0) }),
      deltas: Tensor([1, 8, 2, 3], repeating: 0),
      anchors: Array(repeating: Box(0, 0, 4, 4), count: 12))
    let ledger = proposals([candidates], width: 4, height: 4, options()).ledger
    // Index 9 is cell 4 (row 1, column 1), shape 1: logit at [0, 1, 1, 1] = 6 + 3 + 1.
    #expect(ledger[9].row == 1 && ledger[9].column == 1 && ledger[9].shape == 1)
    #expect(ledger[9].logit == 10)
  }
}
