import Foundation
import Model
import Pictures
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import TestSupport
import Tensors
import Testing
import Tracing

@testable import Experiments

@Suite struct MistakeTests {
  private static let picture = fixturesFolder.appending(path: "pictures/ihc.png")
  private static let greyPicture = fixturesFolder.appending(path: "pictures/nuclei.png")

  private func model() throws -> MaskRCNNModel {
    try MaskRCNNModel(contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"))
  }

  /// A whole trace of the small picture, with options that are not the default ones.
  private func rightTrace(_ picture: URL, _ folder: URL, _ model: MaskRCNNModel) throws -> Trace {
    let trace = try Trace.openOrBegin(folder.appending(path: "right"))
    var input = InputStage(file: picture, settings: model.settings)
    input.resize = .factor(4)
    var heads = HeadsStage(model)
    heads.settings.mostDetections = 40
    let stages: [any Stage] = [
      input, BackboneStage(model), AnchorsStage(model),
      ProposalsStage(
        ProposalOptions(
          topPerLevel: 300, leastSide: 1, nmsThreshold: 0.6, mostProposals: 200,
          deltaOrder: .xFirst)),
      RoIStage(.align(samplingRatio: 1, aligned: false, maximum: false)), heads,
      MasksStage(threshold: 0.4),
    ]
    for stage in stages { try run(stage, in: trace) }
    return trace
  }

  /// A corner of the coloured picture.
  private func smallPicture(in folder: URL) throws -> URL {
    let whole = try readPicture(Self.picture).pixels  // [3, H, W]
    let side = 96
    let corner = Tensor(
      [3, side, side],
      (0..<3).flatMap { channel in
        (0..<side).flatMap { row -> ArraySlice<Float> in
          let first = (channel * whole.shape[1] + row + 300) * whole.shape[2] + 250
          return whole.values[first..<first + side]
        }
      })
    let file = folder.appending(path: "small.png")
    try Data(PNG.encode(Raster(corner))).write(to: file)
    return file
  }

  private func run(_ stage: some Stage, in trace: Trace) throws {
    try stage.run(in: trace, pictures: false)
  }

  @Test("each mistake begins in its stage, in one option, and shows at the end")
  func all() throws {
    try withTemporaryFolder { folder in
      let model = try model()
      let picture = try smallPicture(in: folder)
      let right = try rightTrace(picture, folder, model)
      for mistake in Mistake.allCases {
        let broken = try Trace.openOrBegin(folder.appending(path: mistake.rawValue))
        let stages = try mistake.stages(like: right, picture: picture, model)
        for stage in stages {
          try run(stage, in: broken)
          let name = type(of: stage).name
          let same = try right.stage(name).record.options == stage.options
          #expect(same == (name != mistake.stage), "\(mistake), \(name)")
        }
        let finding = try MistakeFinding(mistake, right: right, broken: broken)
        #expect(finding.isWhereItWasMade, "\(mistake): \(finding.firstDifference ?? "nowhere")")
        #expect(finding.rightDetections.all > 1)
        let wereFound = finding.agreement.matched == finding.rightDetections.all
        #expect(!wereFound || finding.agreement.meanOverlap < 1, "\(mistake)")
        if mistake == .unloadedHead {
          #expect(finding.rightDetections == finding.brokenDetections)
        }
        if mistake == .wrongStride {
          var strides = try right.stage(AnchorsStage.name).integers("strides")
          for side in [4, 5] { strides[side] /= 2 }  // P4's, by rows and by columns
          #expect(try broken.stage(AnchorsStage.name).integers("strides") == strides)
        }
      }
    }
  }

  @Test("every mistake is told in words")
  func words() {
    for mistake in Mistake.allCases {
      for text in [mistake.title, mistake.symptom, mistake.explanation] {
        #expect(text.count > 40 && text.hasSuffix("."))
      }
    }
  }

  @Test("a grey picture cannot show exchanged colours")
  func grey() throws {
    #expect(try hasColours(Self.picture) && !hasColours(Self.greyPicture))
    #expect(throws: Fault.self) { try Mistake.bgr.check(Self.greyPicture) }
    try Mistake.halfPixel.check(Self.greyPicture)
    try Mistake.bgr.check(Self.picture)
  }
}
