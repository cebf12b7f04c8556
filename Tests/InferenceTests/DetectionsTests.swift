import Figures
import Foundation
import Inference
import Model
import Stage0Input
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import TestFixtures
import Tensors
import Testing
import Tracing

@Suite struct DetectionsTests {
  private static let model = Result {
    try MaskRCNNModel(contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"))
  }
  private static let nuclei = Result {
    try readImage(fixturesFolder.appending(path: "images/nuclei.png")).pixels
  }

  private func crop(x: Int, y: Int, width: Int, height: Int) throws -> Tensor {
    let image = try Self.nuclei.get()  // [3, H0, W0]
    let (rows, columns) = (image.shape[1], image.shape[2])
    return Tensor(
      [3, height, width],
      (0..<3).flatMap { channel in
        (y..<y + height).flatMap { row -> ArraySlice<Float> in
          let first = (channel * rows + row) * columns + x
          return image.values[first..<first + width]
        }
      })
  }

  /// The crops of one batch and where torchvision's detections in each are stored.
  private struct Batch: Decodable {
    struct Crop: Decodable { var left, top, width, height: Int }
    struct Entry: Decodable {
      var crop: Crop
      var boxes, scores, labels, areas: String
    }
    var images: [Entry]
  }

  @Test("three images of different sizes together: torchvision's detections of the same batch")
  func torchvisionBatch() throws {
    let folder = fixturesFolder.appending(path: "golden/batch")
    let batch = try JSONDecoder().decode(
      Batch.self, from: Data(contentsOf: folder.appending(path: "batch.json")))
    let images = try batch.images.map {
      try crop(x: $0.crop.left, y: $0.crop.top, width: $0.crop.width, height: $0.crop.height)
    }
    let model = try Self.model.get()
    let found = model.detections(in: images)
    #expect(found.count == batch.images.count)
    for (detections, entry) in zip(found, batch.images) {
      func read(_ name: String) throws -> NumericArray {
        try NPY.read(folder.appending(path: name))
      }
      let (boxes, scores) = (try read(entry.boxes).tensor.boxes, try read(entry.scores).tensor)
      try #require(detections.count == boxes.count && boxes.count > 5)
      #expect(try detections.map(\.label) == read(entry.labels).integers)
      for (detection, (box, score)) in zip(detections, zip(boxes, scores.values)) {
        #expect(abs(detection.score - score) < 1e-5)
        for (a, b) in [
          (detection.box.x1, box.x1), (detection.box.y1, box.y1), (detection.box.x2, box.x2),
          (detection.box.y2, box.y2),
        ] { #expect(abs(a - b) < 1e-3) }
      }
      let areas = try #require(try read(entry.areas).integers)
      // A pixel at the threshold may fall on the other side.
      #expect(areas.count == detections.count && scores.count == detections.count)
      for (detection, area) in zip(detections, areas) {
        #expect(abs(detection.mask.binary(threshold: 0.5).count { $0 } - area) <= 1)
      }
    }
    // The company matters: alone, the first image is padded to less.
    let alone = model.detections(in: images[0])
    #expect(alone.map(\.score) != found[0].map(\.score))
  }

  @Test("images of one size have the detections together that they have alone, bit for bit")
  func sameSizes() throws {
    let images = try [
      crop(x: 100, y: 200, width: 60, height: 56), crop(x: 300, y: 120, width: 60, height: 56),
    ]
    let model = try Self.model.get()
    let together = model.detections(in: images)
    #expect(together.count == images.count)
    for (found, image) in zip(together, images) {
      let alone = model.detections(in: image)
      #expect(!alone.isEmpty && same(found, alone))
    }
    #expect(!same(together[0], together[1]))
    #expect(model.detections(in: []).isEmpty)
  }

  @Test("in memory, the stages find what they leave in a trace, bit for bit")
  func trace() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "crop.png")
      let pixels = try crop(x: 100, y: 200, width: 60, height: 56)
      try Data(PNG.encode(Raster(pixels))).write(to: file)
      let image = try readImage(file)
      let model = try Self.model.get()
      let trace = try Trace.openOrBegin(folder.appending(path: "trace"))
      for stage in InferenceStages(model, image: file).all {
        try stage.run(in: trace, figures: false)
      }
      let left = try trace.current(MasksStage.name).detections(
        trace.current(HeadsStage.name), in: ImageSize(height: image.height, width: image.width))
      let found = model.detections(in: image)
      #expect(!found.isEmpty && same(found, left))
      try checkLedgers(Trace.open(trace.folder), model, image)
    }
  }

  /// Compares both ledgers, read from their files, with what the stages compute in memory.
  private func checkLedgers(_ trace: Trace, _ model: MaskRCNNModel, _ image: Image) throws {
    let network = Network(model)
    let input = network.input([image.pixels])
    let levels = network.pyramid(input.tensor)
    let candidates = network.candidates(levels, input: input.padded)
    let size = input.sizes[0].resized
    let expected = proposals(
      candidates, width: size.width, height: size.height, network.proposalOptions)
    let ledger = try CandidateLedger(trace.stage(ProposalsStage.name))
    #expect(ledger.indices.map { ledger[$0] } == expected.ledger)
    #expect(Set(ledger.indices.map { ledger[$0].place.level }) == [2, 3, 4, 5, 6])
    #expect(expected.ledger.contains { $0.fate.name == .suppressed })

    let pyramid = network.roiPyramid(levels, input: input.padded)
    let branch = network.boxBranch(
      network.features(pyramid, [expected.boxes], bins: network.boxBins),
      proposals: [expected.boxes], input.sizes)
    let entries = try trace.stage(HeadsStage.name).detectionLedger()
    #expect(entries == branch.candidates[0].ledger)
    #expect(entries.contains { $0.fate.name == .suppressed })
    for (stage, header) in [
      (
        ProposalsStage.name,
        "candidate,level,row,column,shape,logit,x1,y1,x2,y2,fate,"
          + "suppressed by candidate,overlap\n0,2,0,0,0,"
      ),
      (
        HeadsStage.name,
        "entry,proposal,class,name,score,x1,y1,x2,y2,fate,suppressed by entry,overlap\n"
      ),
    ] {
      let file = trace.folder.appending(path: "\(stage)/ledger.csv")
      #expect(try String(contentsOf: file, encoding: .utf8).hasPrefix(header))
    }
  }

  @Test("all stages are in the list, by their numbers")
  func list() throws {
    #expect(
      InferenceStages.names == [
        "0-input", "1-backbone", "2-anchors", "3-proposals", "4-roi", "5-heads", "6-masks",
      ])
    let stages = try InferenceStages(Self.model.get(), image: URL(filePath: "image.png"))
    #expect(stages.all.map { type(of: $0).name } == InferenceStages.names)
  }

  private func same(_ a: [Detection], _ b: [Detection]) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy {
        $0.box == $1.box && $0.label == $1.label && $0.score == $1.score
          && $0.proposal == $1.proposal && $0.mask.window == $1.mask.window
          && $0.mask.probabilities == $1.mask.probabilities
      }
  }
}
