import Foundation

/// Random numbers from a seed: the same on every machine and with every version of the library. All
/// chance in the package comes from here, so that a run can be repeated to the bit.
///
/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure
/// 17), all integers 64 bits wide:
///
///     state = state + 0x9E3779B97F4A7C15
///     z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9
///     z = (z ^ (z >> 27)) * 0x94D049BB133111EB
///     next = z ^ (z >> 31)
///
/// The whole state is one number: a checkpoint stores it and goes on from there. Swift's own
/// `shuffled(using:)` and `random(in:using:)` work too, but their algorithms are not promised to
/// stay.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
  /// Where the sequence is.
  public private(set) var state: UInt64

  /// Begins a sequence; any number is as good as any other. A `state` continues one.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// A number in [0, 1), a multiple of 2^-24: the upper 24 of 64 bits.
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// A number in [0, 1), a multiple of 2^-53: the upper 53 of 64 bits.
  public mutating func uniformDouble() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A whole number in `0..<bound`, each equally likely: the upper half of `next * bound`, drawn
  /// again in the few cases that would favour some (Lemire 2019, "Fast random integer generation in
  /// an interval").
  ///
  /// - Precondition: `bound > 0`
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "there is no number from 0 below \(bound)")
    let bound = UInt64(bound)
    let rejected = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= rejected { return Int(product.high) }
    }
  }

  /// A normally distributed number of mean 0 and deviation 1, by Marsaglia's polar method: of
  /// points in the unit disc, u sqrt(-2 ln s / s) with s = u^2 + v^2. The second number that the
  /// method gives is not kept, because then the state would be more than one number.
  public mutating func normal() -> Float {
    while true {
      let (u, v) = (2 * uniformDouble() - 1, 2 * uniformDouble() - 1)
      let s = u * u + v * v
      if s > 0, s < 1 { return Float(u * (-2 * log(s) / s).squareRoot()) }
    }
  }

  /// `count` different numbers of `0..<total` in random order, every choice and order equally
  /// likely: the first steps of Fisher and Yates's shuffle.
  ///
  /// - Precondition: `0 <= count <= total`
  public mutating func choose(_ count: Int, of total: Int) -> [Int] {
    precondition(count >= 0 && count <= total, "\(count) of \(total) cannot be chosen")
    var numbers = Array(0..<total)
    for place in 0..<count { numbers.swapAt(place, place + below(total - place)) }
    return Array(numbers.prefix(count))
  }

  /// The elements in random order, every order equally likely.
  public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    choose(elements.count, of: elements.count).map { elements[$0] }
  }
}
