import Foundation
import Synchronization
import Tensors

/// The greatest difference between a gradient and central differences of a loss in 64 bits, relative
/// to the greatest of these; infinite where one is NaN.
///
/// It is noted under the operation's name: when all tests have run, the greatest of each operation is
/// printed.
///
/// - Parameters:
///   - operation: what was differentiated, and by what: `convolution, by weight`
///   - gradient: of `loss` at `point`
///   - step: by how much each element is moved to either side
public func centralError(
  of operation: String, _ gradient: Tensor, at point: Tensor, step: Double = 0x1p-12,
  loss: ([Double]) -> Double
) -> Double {
  let error = centralError(gradient, at: point, step: step, loss: loss)
  CentralDifferences.note(operation, error)
  return error
}

/// As with a name, without a note.
public func centralError(
  _ gradient: Tensor, at point: Tensor, step: Double = 0x1p-12, loss: ([Double]) -> Double
) -> Double {
  guard gradient.shape == point.shape else { return .infinity }
  var moved = point.values.map { Double($0) }
  var greatest = 0.0
  var range = 1e-6
  for index in moved.indices {
    let before = moved[index]
    moved[index] = before + step
    let above = loss(moved)
    moved[index] = before - step
    let below = loss(moved)
    moved[index] = before
    let difference = (above - below) / (2 * step)
    let error = abs(difference - Double(gradient.values[index]))
    // `max` would skip a NaN.
    guard !error.isNaN else { return .infinity }
    greatest = max(greatest, error)
    range = max(range, abs(difference))
  }
  return greatest / range
}

/// The greatest relative error of each operation, printed when the test process ends.
private enum CentralDifferences {
  private static let found = Mutex<[String: (cases: Int, greatest: Double)]>([:])

  static func note(_ operation: String, _ error: Double) {
    found.withLock { found in
      if found.isEmpty { atexit { CentralDifferences.printTable() } }
      let known = found[operation] ?? (0, 0)
      found[operation] = (known.cases + 1, max(known.greatest, error))
    }
  }

  private static func printTable() {
    let rows = found.withLock { Array($0) }
      .sorted { ($1.value.greatest, $0.key) < ($0.value.greatest, $1.key) }
    let width = rows.map(\.key.count).max() ?? 0
    func padded(_ words: String) -> String {
      words.padding(toLength: width, withPad: " ", startingAt: 0)
    }
    print("\nGradients against central differences in 64 bits\n")
    print("\(padded("operation"))  cases  greatest relative error")
    for (operation, (cases, greatest)) in rows {
      let count = String(cases)
      print(
        "\(padded(operation))  \(String(repeating: " ", count: max(0, 5 - count.count)))\(count)  "
          + String(format: "%.1e", greatest))
    }
  }
}
