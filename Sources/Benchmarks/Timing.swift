import Foundation

/// How long something took, over several runs.
public struct Timing: Codable, Sendable {
  /// What was measured.
  public var name: String
  /// Seconds of each run, in the order of the runs.
  public var seconds: [Double]
  /// Multiplications and additions of one run; nil where counting them says little.
  public var operations: Double?

  /// The run in the middle.
  public var median: Double {
    let sorted = seconds.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }

  /// Billions of multiplications and additions a second, in the run in the middle.
  public var gigaflops: Double? {
    operations.map { median > 0 ? $0 / median * 1e-9 : 0 }
  }
}

/// Runs something several times, the first time uncounted, and gives its last result.
public func measure<Result>(
  _ name: String, runs: Int, operations: Double? = nil, _ body: () throws -> Result
) rethrows -> (Timing, Result) {
  let clock = ContinuousClock()
  var result = try body()
  var seconds: [Double] = []
  for _ in 0..<runs {
    let start = clock.now
    result = try body()
    seconds.append(start.duration(to: clock.now) / .seconds(1))
  }
  return (Timing(name: name, seconds: seconds, operations: operations), result)
}

/// The most memory that this process has had, in bytes.
public func peakMemory() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  #endif
}
