import Stage4RoI
import Tensors

/// The RoI operators once more, in 64 bits and written another way: a bilinear sample is a sum over
/// all cells of the map, each weighted by a tent around the sample; edges of RoIPool's bins are
/// divided in whole numbers. One channel, one box.
struct DoubleMap {
  let rows, columns: Int
  var cells: [Double]

  func sample(_ y: Double, _ x: Double) -> Double {
    guard y >= -1, x >= -1, y <= Double(rows), x <= Double(columns) else { return 0 }
    let (y, x) = (min(max(y, 0), Double(rows - 1)), min(max(x, 0), Double(columns - 1)))
    var sum = 0.0
    for i in 0..<rows {
      for j in 0..<columns {
        sum +=
          max(0, 1 - abs(y - Double(i))) * max(0, 1 - abs(x - Double(j))) * cells[i * columns + j]
      }
    }
    return sum
  }

  /// `[Y, X]`
  func pooled(by roiOperator: RoIOperator, _ box: Box, scale: Double, bins: BinGrid) -> [Double] {
    switch roiOperator {
    case .align(let ratio, let aligned, let maximum):
      let offset = aligned ? 0.5 : 0
      let (x, y) = (Double(box.x1) * scale - offset, Double(box.y1) * scale - offset)
      var (width, height) = (Double(box.x2 - box.x1) * scale, Double(box.y2 - box.y1) * scale)
      if !aligned { (width, height) = (max(width, 1), max(height, 1)) }
      return sampled(x, y, width, height, bins, ratio, maximum)
    case .warp(let ratio, let maximum):
      let (x, y, width, height) = wholeCells(box, scale)
      return sampled(
        Double(x), Double(y), Double(width), Double(height), bins, ratio, maximum)
    case .pool:
      let (x, y, width, height) = wholeCells(box, scale)
      return (0..<bins.rows).flatMap { p in
        (0..<bins.columns).map { q in
          var greatest: Double?
          for i in bin(p, of: bins.rows, from: y, height, limit: rows) {
            for j in bin(q, of: bins.columns, from: x, width, limit: columns) {
              greatest = max(greatest ?? -.infinity, cells[i * columns + j])
            }
          }
          return greatest ?? 0
        }
      }
    }
  }

  private func wholeCells(
    _ box: Box, _ scale: Double
  ) -> (x: Int, y: Int, width: Int, height: Int) {
    func whole(_ edge: Float) -> Int { Int((Double(edge) * scale).rounded()) }
    let (x, y) = (whole(box.x1), whole(box.y1))
    return (x, y, max(1, whole(box.x2) - x + 1), max(1, whole(box.y2) - y + 1))
  }

  private func bin(
    _ index: Int, of count: Int, from start: Int, _ extent: Int, limit: Int
  ) -> [Int] {
    let end = start + ((index + 1) * extent + count - 1) / count
    return Array(start + index * extent / count..<end).filter { $0 >= 0 && $0 < limit }
  }

  private func sampled(
    _ left: Double, _ top: Double, _ width: Double, _ height: Double, _ bins: BinGrid,
    _ ratio: Int, _ maximum: Bool
  ) -> [Double] {
    let (w, h) = (width / Double(bins.columns), height / Double(bins.rows))
    let (across, down) = ratio > 0 ? (ratio, ratio) : (Int(w.rounded(.up)), Int(h.rounded(.up)))
    return (0..<bins.rows).flatMap { p in
      (0..<bins.columns).map { q in
        let samples = (0..<down).flatMap { i in
          (0..<across).map { j in
            sample(
              top + (Double(p) + (Double(i) + 0.5) / Double(down)) * h,
              left + (Double(q) + (Double(j) + 0.5) / Double(across)) * w)
          }
        }
        return maximum
          ? samples.max() ?? 0 : samples.reduce(0, +) / Double(max(1, samples.count))
      }
    }
  }
}
