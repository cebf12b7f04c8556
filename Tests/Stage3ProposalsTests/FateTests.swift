import Stage3Proposals
import Tensors
import Testing

@Suite struct FateTests {
  @Test("suppression with a limit names entries by their index in the ledger")
  func limit() {
    // Members 3, 5, 6, 8 of some ledger: 5 overlaps 3 by 8 / 12; 6 and 8 lie apart, 8 equals 3 but
    // is of another group.
    let boxes = [Box(0, 0, 10, 1), Box(2, 0, 12, 1), Box(50, 0, 60, 1), Box(0, 0, 10, 1)]
    let (kept, fates) = suppression(
      among: [3, 5, 6, 8], boxes: boxes, scores: [0.9, 0.8, 0.3, 0.7], groups: [1, 1, 1, 2],
      threshold: 0.5, limit: 2)
    #expect(kept == [3, 8])
    #expect(fates == [.kept, .suppressed(by: 3, overlap: 8.0 / 12), .beyondLimit, .kept])
  }

  @Test("a fate is read from a ledger's columns as it was written")
  func columns() {
    let fates: [Fate] = [
      .kept, .suppressed(by: 4, overlap: 0.75), .clippedAway, .tooSmall, .belowTop, .beyondLimit,
    ]
    for fate in fates {
      let (number, by, overlap) = fate.columns
      #expect(Fate(fate: number, suppressedBy: by, overlap: overlap, count: 5) == fate)
    }
    // The ledger has entries 0 to 3: none is number 4; and there is no seventh fate.
    #expect(Fate(fate: 1, suppressedBy: 4, overlap: 0.75, count: 4) == nil)
    #expect(Fate(fate: 6, suppressedBy: -1, overlap: 0, count: 4) == nil)
    #expect(Fate(fate: 0.5, suppressedBy: -1, overlap: 0, count: 4) == nil)
    #expect(Fate(fate: .nan, suppressedBy: -1, overlap: 0, count: 4) == nil)
  }

  @Test("every fate has a number and words, which the key lists")
  func key() {
    #expect(
      FateName.key([.kept, .suppressed, .tooSmall, .beyondLimit])
        == "0 kept, 1 suppressed, 3 too small, 5 beyond the limit")
    #expect(Set(FateName.allCases.map(\.words)).count == FateName.allCases.count)
  }
}

@Suite struct BatchTests {
  @Test("each image of a batch has the proposals that it has alone")
  func batch() {
    // Two images, one cell with two anchors each: logits and deltas of the second follow the
    // first's.
    let anchors = [Box(0, 0, 8, 8), Box(0, 0, 4, 4)]
    func level(_ logits: [Float], _ deltas: [Float]) -> LevelCandidates {
      LevelCandidates(
        objectness: Tensor([logits.count / 2, 2, 1, 1], logits),
        deltas: Tensor([logits.count / 2, 8, 1, 1], deltas), anchors: anchors)
    }
    let options = ProposalOptions(
      preNMSTopN: 10, minimumSize: 1, nmsThreshold: 0.7, postNMSTopN: 10, deltaOrder: .xFirst)
    let (first, second): ([Float], [Float]) = (
      [0.5, 0, 0, 0, 0, 0, 0, 0], [0, 0.25, 0, 0, 1, 0, 0, 0]
    )
    let both = level([1, 2, 4, 3], first + second)
    for (image, alone) in [level([1, 2], first), level([4, 3], second)].enumerated() {
      let expected = proposals([alone], width: 20, height: 20, options)
      let found = proposals([both], image: image, width: 20, height: 20, options)
      #expect(found.ledger == expected.ledger && found.kept == expected.kept)
    }
    #expect(proposals([both], image: 1, width: 20, height: 20, options).kept == [0, 1])
  }
}
