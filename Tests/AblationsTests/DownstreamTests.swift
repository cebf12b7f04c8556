import Foundation
import Model
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors
import TestFixtures
import Testing
import Tracing

@testable import Ablations

@Suite struct DownstreamTests {
  /// The shifts of the four edges in strides: left, upper, right, lower.
  private func strides(_ shift: QuantisationShift) -> [Float] {
    [shift.left, shift.top, shift.right, shift.bottom].map { $0 / Float(shift.stride) }
  }

  @Test("rounding's shift, worked by hand at stride 8")
  func shift() {
    // 13 / 8 = 1.625 to 2; 29 / 8 = 3.625 to 4, whose end is 40. 4 / 8 = 0.5 away from 0, to 1.
    let shift = QuantisationShift(Box(13, 4, 29, 35.9), level: 3, stride: 8)
    #expect(shift.left == 3 && shift.right == 11)
    #expect(shift.top == 4 && shift.bottom == 40 - 35.9)
    #expect(strides(shift) == [0.375, 0.5, 1.375, (40 - 35.9) / 8])
  }

  @Test("rounding moves near edges by at most half a stride, far ones by half to one and a half")
  func bounds() {
    for index in 0..<2000 {
      let (x, y) = (Float(index * 37 % 401) / 7, Float(index * 91 % 503) / 11)
      let box = Box(x, y, x + Float(index % 61) / 3 + 0.01, y + Float(index % 89) / 2 + 0.01)
      let edges = strides(QuantisationShift(box, level: 2, stride: 4))
      #expect(edges[..<2].allSatisfy { (-0.5001...0.5001).contains($0) })
      #expect(edges[2...].allSatisfy { (0.4999...1.5001).contains($0) })
    }
  }

  /// A whole trace that torchvision wrote.
  private func golden() throws -> (Trace, MaskRCNNModel) {
    let trace = try Trace.open(fixturesFolder.appending(path: "golden/bundled"))
    return (trace, try MaskRCNNModel(contentsOf: try #require(trace.weights)))
  }

  @Test("RoIAlign's detections and masks are those of the trace's own stages 5 and 6")
  func align() throws {
    let (trace, model) = try golden()
    // Named operators are computed, not read.
    let result = try Downstream(trace, model, operators: Downstream.operators(of: trace))
    #expect(result.outcomes.map(\.name) == ["RoIAlign", "RoIPool", "RoIWarp"])
    let align = result.outcomes[0]
    let heads = try trace.stage(HeadsStage.name)
    #expect(try align.detections.map(\.label) == heads.integers("labels"))
    let scores = try heads.tensor("scores").values
    #expect(scores.count == align.detections.count)
    #expect(zip(align.detections, scores).allSatisfy { abs($0.score - $1) < 1e-4 })
    let areas = try trace.stage(MasksStage.name).integers("areas")
    #expect(areas.count > 1 && areas.count == align.regions.count)
    // A pixel at the threshold may fall on the other side.
    #expect(zip(align.regions, areas).allSatisfy { abs($0.area - $1) <= 1 })
    let boxes = try trace.stage(MasksStage.name).boxes("boxes")
    #expect(boxes.count == align.detections.count)
    #expect(zip(align.detections, boxes).allSatisfy { $0.box.intersectionOverUnion($1) > 0.999 })
  }

  @Test("an operator agrees with itself wholly, and RoIPool with RoIAlign not")
  func agreement() throws {
    let (trace, model) = try golden()
    let result = try Downstream(trace, model)
    #expect(result.agreements[0].matched == result.outcomes[0].detections.count)
    #expect(result.agreements[0].meanOverlap == 1)
    #expect(result.agreements[1].meanOverlap < 0.99)
    #expect(try result.shifts.count == trace.stage("3-proposals").boxes("proposals").count)
    // RoIAlign's masks as the truth: RoIAlign finds all of it.
    let judged = try Downstream(trace, model, truth: result.outcomes[0].regions)
    #expect(judged.truthScores[0].meanOfBest == 1)
    #expect(judged.truthScores[1].meanOfBest < 0.99)
  }

  @Test("another model than the trace's is refused")
  func otherModel() throws {
    let (trace, _) = try golden()
    let list = try ParameterShape.readList(
      fixturesFolder.appending(path: "architectures/resnet50_fpn_v1.json"))
    let other = try MaskRCNNModel(weights: SeededWeights.generate(list, seed: 1))
    #expect(throws: Fault.self) { try Downstream(trace, other) }
  }
}
