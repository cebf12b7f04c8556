import Annotations
import Tensors
import Testing

@testable import Evaluation

/// Squares on one row, by the left edge and the side.
private func object(_ id: Int, _ x: Double, _ side: Double, label: Int = 1) -> TruthObject {
  let bounds = COCOBox(x: x, y: 0, width: side, height: side)
  return TruthObject(id: id, label: label, bounds: bounds, mask: nil, area: bounds.area)
}

private func result(_ score: Double, _ x: Double, _ side: Double, label: Int = 1) -> ResultObject {
  let bounds = COCOBox(x: x, y: 0, width: side, height: side)
  return ResultObject(label: label, score: score, bounds: bounds, mask: nil, area: bounds.area)
}

private func dataset(_ objects: [TruthObject]) -> AnnotatedDataset {
  AnnotatedDataset(
    name: "truth", classes: [AnnotatedClass(id: 1, name: "a"), AnnotatedClass(id: 2, name: "b")],
    images: [AnnotatedImage(id: 1, file: "", width: 200, height: 100, objects: objects)])
}

private func results(_ objects: [ResultObject]) -> DetectionResults {
  DetectionResults(name: "results", objects: [1: objects], haveMasks: false)
}

@Suite struct HandWorkedTests {
  // Three objects of 10 x 10 at 0, 20 and 40. Detections by score: 0.9 exact on the first; 0.8 on
  // nothing; 0.7 on the second, 10 x 10 moved by 2 columns: 80 / 120 = 2/3. The third is missed.
  private let truth = dataset([object(1, 0, 10), object(2, 20, 10), object(3, 40, 10)])
  private let found = results([result(0.7, 22, 10), result(0.9, 0, 10), result(0.8, 100, 10)])

  @Test("AP of three objects and three detections, worked by hand")
  func averagePrecision() throws {
    let evaluation = try COCOEvaluation(truth, found, EvaluationSettings(kind: .boxes))
    // Up to a threshold of 0.65 the detections are true, false, true: precision 1, 1/2, 2/3 at
    // recall 1/3, 1/3, 2/3; the second becomes 2/3. Recalls 0 … 0.33 (34 of them) read 1, recalls
    // 0.34 … 0.66 (33) read 2/3, the other 34 read 0.
    let low = (34 + 33 * 2.0 / 3) / 101
    let curve = try #require(evaluation.curve(classIndex: 0, threshold: 0))
    #expect(abs(curve.precisions[33] - 1) < 1e-12 && curve.scores[33] == 0.9)
    #expect(abs(curve.precisions[34] - 2.0 / 3) < 1e-12 && curve.scores[34] == 0.7)
    #expect(curve.precisions[66] > 0 && curve.precisions[67] == 0)
    // From 0.7 on only the first is true: recall 1/3.
    let high = 34.0 / 101
    func check(_ line: SummaryLine, _ value: Double?) {
      #expect(
        line.value == nil ? value == nil : abs((line.value ?? 0) - (value ?? 9)) < 1e-12, "\(line)")
    }
    let summary = evaluation.summary
    check(summary[0], (4 * low + 6 * high) / 10)
    check(summary[1], low)
    check(summary[2], high)
    check(summary[3], (4 * low + 6 * high) / 10)
    check(summary[4], nil)
    // Recall: one detection finds 1/3 at every threshold; all find 2/3 at four of ten.
    check(summary[6], 1.0 / 3)
    check(summary[7], (4 * 2.0 + 6 * 1) / 30)
    check(summary[8], (4 * 2.0 + 6 * 1) / 30)
    #expect(evaluation.averagePrecision(classIndex: 1) == nil)
    #expect(evaluation.meanCurve(threshold: 0) == curve)
  }

  @Test("the detections of a class in the order in which they count, with precision and recall")
  func ranking() throws {
    let rows = try rankedDetections(truth, found, EvaluationSettings(kind: .boxes), label: 1)
    let all: [(Double, Double, Bool, Double, Double)] = [
      (0.9, 1, true, 1, 1.0 / 3), (0.8, 0, false, 0.5, 1.0 / 3),
      (0.7, 2.0 / 3, true, 2.0 / 3, 2.0 / 3),
    ]
    #expect(rows.count == 3)
    for (row, (score, overlap, isTrue, precision, recall)) in zip(rows, all) {
      #expect(row.image == 1 && row.score == score && row.isTrue == isTrue)
      #expect(abs(row.overlap - overlap) < 1e-12)
      #expect(abs(row.precision - precision) < 1e-12 && abs(row.recall - recall) < 1e-12)
    }
    // From a threshold of 0.7 on the third is false as well.
    let strict = try rankedDetections(
      truth, found, EvaluationSettings(kind: .boxes), label: 1, threshold: 4)
    #expect(strict.map(\.isTrue) == [true, false, false] && strict[2].overlap == rows[2].overlap)
    #expect(
      try rankedDetections(truth, found, EvaluationSettings(kind: .boxes), label: 2).isEmpty)
    #expect(throws: Fault.self) {
      try rankedDetections(truth, found, EvaluationSettings(kind: .masks), label: 1)
    }
  }

  @Test("masks are compared only where there are some")
  func noMasks() {
    #expect(throws: Fault.self) {
      try COCOEvaluation(truth, found, EvaluationSettings(kind: .masks))
    }
  }

  @Test("no results: precision 0 where there are objects")
  func nothingFound() throws {
    let evaluation = try COCOEvaluation(truth, results([]), EvaluationSettings(kind: .boxes))
    #expect(evaluation.summary.map(\.value) == [0, 0, 0, 0, nil, nil, 0, 0, 0, 0, nil, nil])
  }

  @Test("missed, unfounded, confused and badly masked objects, and their matrix")
  func errors() {
    func mask(_ x: Int, _ width: Int) -> RunLengthEncoding {
      RunLengthEncoding(
        [Bool](repeating: true, count: width * 10), in: Window(x, 0, x + width, 10), width: 200,
        height: 100)
    }
    var truth = self.truth
    for (index, x) in [0, 20, 40].enumerated() { truth.images[0].objects[index].mask = mask(x, 10) }
    truth.images[0].objects[2].label = 2
    var crowd = object(4, 100, 50)
    crowd.isCrowd = true
    truth.images[0].objects.append(crowd)
    var bad = result(0.7, 20, 10)
    bad.mask = mask(20, 6)
    let found = results([
      bad, result(0.9, 40, 10), result(0.8, 70, 10), result(0.6, 110, 10), result(0.4, 0, 10),
    ])
    let errors = ImageErrors(truth.images[0], found.objects[1] ?? [], kind: .boxes)
    // The first is found with a score under a half; what lies in the crowd is no error.
    #expect(errors.missed == [0] && errors.unfounded == [2])
    #expect(errors.pairs.map(\.object) == [2, 1] && errors.pairs.map(\.detection) == [1, 0])
    #expect(errors.confused.map(\.object) == [2])
    #expect(errors.badlyMasked().map(\.maskOverlap) == [0.6])
    #expect(errors.badlyMasked(below: 0.6).isEmpty && errors.count == 4)
    let matrix = ConfusionMatrix(truth, found, [errors])
    #expect(matrix.counts == [1, 0, 1, 1, 0, 0, 1, 0, 0])
    #expect(matrix[1, 0] == 1 && matrix[0, 2] == 1 && matrix[2, 0] == 1)
  }
}
