import Annotations
import Foundation
import Kernels
import TestFixtures
import Testing

@testable import Evaluation

private let folder = fixturesFolder.appending(path: "golden/evaluation")

/// A data set, results and what pycocotools makes of them: `Fixtures/record/evaluation.py`.
private struct EvaluationGolden {
  struct Expected: Decodable {
    let kind: String
    let maxDetections: Int
    /// The twelve numbers; -1 where there are none.
    let numbers: [Double]
    /// AP, AP50 and AP75 by the class's number.
    let classes: [String: [Double]]
  }

  let dataset: AnnotatedDataset
  let results: DetectionResults
  let expected: [Expected]

  init(_ name: String) throws {
    let folder = folder.appending(path: name)
    dataset = try AnnotatedDataset(coco: folder.appending(path: "truth.json"))
    results = try DetectionResults(coco: folder.appending(path: "results.json"), for: dataset)
    expected = try JSONDecoder().decode(
      [Expected].self, from: Data(contentsOf: folder.appending(path: "expected.json")))
  }
}

@Suite struct EvaluationGoldenTests {
  static let names = [
    "plain", "crowds", "ties", "absences", "areas", "thresholds", "many", "boxes-alone", "polygons",
  ]

  @Test("all twelve numbers and AP per class are pycocotools'", arguments: names)
  func golden(_ name: String) throws {
    let golden = try EvaluationGolden(name)
    #expect(golden.expected.count >= 2)
    for expected in golden.expected {
      let kind = try #require(OverlapKind(rawValue: expected.kind))
      let evaluation = try COCOEvaluation(
        golden.dataset, golden.results,
        EvaluationSettings(kind: kind, maxDetections: expected.maxDetections))
      let summary = evaluation.summary
      #expect(summary.count == 12 && expected.numbers.count == 12)
      for (line, number) in zip(summary, expected.numbers) {
        let difference = abs((line.value ?? -1) - number)
        #expect(difference < 1e-9, "\(expected.kind), \(line): pycocotools has \(number)")
      }
      #expect(evaluation.classes.count == expected.classes.count)
      for (index, known) in evaluation.classes.enumerated() {
        let numbers = try #require(expected.classes[String(known.id)])
        #expect(numbers.count == 3)
        for (threshold, number) in zip([nil, 0, 5], numbers) {
          let ours = evaluation.averagePrecision(threshold: threshold, classIndex: index) ?? -1
          #expect(abs(ours - number) < 1e-9, "class \(known.id), \(ours), pycocotools \(number)")
        }
      }
    }
  }

  @Test("the thresholds have pycocotools' bits")
  func settings() throws {
    let recorded = try JSONDecoder().decode(
      [String: [Double]].self, from: Data(contentsOf: folder.appending(path: "settings.json")))
    #expect(EvaluationSettings.overlapThresholds == recorded["overlaps"])
    #expect(EvaluationSettings.recallThresholds == recorded["recalls"])
  }

  @Test("the same bits with one thread and with three, and after writing and reading again")
  func sameBits() throws {
    let golden = try EvaluationGolden("crowds")
    let settings = EvaluationSettings(kind: .masks)
    let count = Threads.count
    defer { Threads.count = count }
    var summaries: [[SummaryLine]] = []
    for threads in [1, 3] {
      Threads.count = threads
      summaries.append(try COCOEvaluation(golden.dataset, golden.results, settings).summary)
    }
    let again = try AnnotatedDataset(json: golden.dataset.json(), name: "again")
    let results = try DetectionResults(json: golden.results.json(), name: "again", for: again)
    summaries.append(try COCOEvaluation(again, results, settings).summary)
    #expect(summaries[0] == summaries[1] && summaries[0] == summaries[2])
  }
}
