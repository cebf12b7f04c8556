import Foundation
import Annotations
import Model
import Figures
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Stage7Targets
import Stage8Losses
import TestFixtures
import Tensors
import Testing
import Tracing

@testable import Mistakes

@Suite struct MistakeTests {
  private static let image = fixturesFolder.appending(path: "images/ihc.png")
  private static let greyImage = fixturesFolder.appending(path: "images/nuclei.png")

  private func model() throws -> MaskRCNNModel {
    try MaskRCNNModel(contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"))
  }

  /// A whole trace of the small image, with options that are not the default ones.
  private func rightTrace(_ image: URL, _ folder: URL, _ model: MaskRCNNModel) throws -> Trace {
    let trace = try Trace.openOrBegin(folder.appending(path: "right"))
    var input = InputStage(file: image, settings: model.settings)
    input.options.resize = .factor(4)
    var heads = HeadsStage(model)
    heads.options.detectionsPerImage = 40
    let stages: [any Stage] = [
      input, BackboneStage(model), AnchorsStage(model),
      ProposalsStage(
        ProposalOptions(
          preNMSTopN: 300, minimumSize: 1, nmsThreshold: 0.6, postNMSTopN: 200,
          deltaOrder: .xFirst)),
      RoIStage(RoIOptions(.align(samplingRatio: 1, aligned: false, maximum: false))), heads,
      MasksStage(MaskOptions(threshold: 0.4)),
    ]
    for stage in stages { try run(stage, in: trace) }
    return trace
  }

  /// A corner of the coloured image.
  private func smallImage(in folder: URL) throws -> URL {
    let whole = try readImage(Self.image).pixels  // [3, H, W]
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
    try stage.run(in: trace, figures: false)
  }

  @Test("each mistake begins in its stage, in one option, and shows at the end")
  func all() throws {
    try withTemporaryFolder { folder in
      let model = try model()
      let image = try smallImage(in: folder)
      let right = try rightTrace(image, folder, model)
      for mistake in Mistake.allCases where !mistake.isInLearning {
        let broken = try Trace.openOrBegin(folder.appending(path: mistake.rawValue))
        let stages = try mistake.stages(like: right, image: image, model) {
          throw Fault("truth", "it is not needed", remedy: "Do not ask for it")
        }
        for stage in stages {
          try run(stage, in: broken)
          let name = type(of: stage).name
          let same = try right.stage(name).record.options == stage.recorded
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

  @Test("a mistake in learning leaves the detections, and begins in its stage")
  func learning() throws {
    try withTemporaryFolder { folder in
      let model = try model()
      let image = try smallImage(in: folder)
      let right = try rightTrace(image, folder, model)
      // One object near a detection, so that proposals are positive and have to move.
      let box = try #require(right.current(MasksStage.name).boxes("boxes").first)
      let window = Window(
        max(Int(box.x1) - 1, 0), max(Int(box.y1) - 1, 0), min(Int(box.x2) + 2, 96),
        min(Int(box.y2) + 1, 96))
      let square = MaskRegion(
        window: window,
        isInside: [Bool](repeating: true, count: window.width * window.height))
      let object = TruthObject(
        id: 1, label: 1, mask: RunLengthEncoding(square, width: 96, height: 96))
      let truth = LabelledImage(
        AnnotatedImage(id: 1, file: "truth", width: 96, height: 96, objects: [object]),
        file: "truth", checksum: "0")
      try run(TargetsStage(truth, classNames: model.settings.classNames), in: right)
      try run(LossesStage(model), in: right)
      let losses = try LossesStage.losses(of: right.current(LossesStage.name))
      for mistake in Mistake.allCases where mistake.isInLearning {
        let broken = try Trace.openOrBegin(folder.appending(path: mistake.rawValue))
        for stage in try mistake.stages(like: right, image: image, model, truth: { truth }) {
          try run(stage, in: broken)
        }
        let finding = try MistakeFinding(mistake, right: right, broken: broken)
        #expect(finding.isWhereItWasMade, "\(mistake): \(finding.firstDifference ?? "nowhere")")
        #expect(finding.agreement.meanOverlap == 1)
        let others = try LossesStage.losses(of: broken.current(LossesStage.name))
        let changed = LossName.allCases.filter { losses[$0] != others[$0] }
        #expect(changed == [mistake == .unweightedDeltas ? .boxes : .masks])
        if mistake == .allClassesMask {
          let classes = model.settings.classNames.count
          #expect(others.masks.divisor == classes * losses.masks.divisor)
          // What the own class costs is a part of what all cost.
          #expect(others.masks.sum > losses.masks.sum && losses.masks.sum > 0)
        }
      }
    }
  }

  @Test("every mistake is described")
  func words() {
    for mistake in Mistake.allCases {
      for text in [mistake.title, mistake.symptom, mistake.explanation] {
        #expect(text.count > 40 && text.hasSuffix("."))
      }
    }
  }

  @Test("a grey image cannot show exchanged colours")
  func grey() throws {
    #expect(try hasColours(Self.image) && !hasColours(Self.greyImage))
    #expect(throws: Fault.self) { try Mistake.bgr.check(Self.greyImage) }
    try Mistake.halfPixel.check(Self.greyImage)
    try Mistake.bgr.check(Self.image)
  }
}
