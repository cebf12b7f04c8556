import Model
import Tensors

/// The average of the parameters over the last steps, which is used once training is over: it lies
/// nearer to the middle of a minimum around which descent wanders (Polyak and Juditsky 1992).
///
///     a <- d a + (1 - d) p,   d = min(decay, (1 + n) / (10 + n))
///
/// n counts the steps from 0: at first the average forgets faster, so that it does not stay with
/// what the network was before it learned.
public struct WeightAverage: Sendable {
  /// The greatest d: 0.999 averages over about the last 1000 steps.
  public let decay: Float
  /// a, statistics of norms included.
  public private(set) var parameters: MaskRCNNParameters

  /// Begins with the parameters.
  public init(_ parameters: MaskRCNNParameters, decay: Float) {
    self.decay = decay
    self.parameters = parameters
  }

  /// Takes the parameters after a step in.
  ///
  /// - Parameter step: n
  public mutating func add(_ current: MaskRCNNParameters, step: Int) {
    let d = min(decay, Float(1 + step) / Float(10 + step))
    parameters.update(with: current) { _, a, p in
      combined(a, p, p) { a, p, _ in d * a + (1 - d) * p }
    }
  }
}
