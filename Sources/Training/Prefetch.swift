import Kernels
import Synchronization
import Tensors

/// A value that another thread computes while this one does something else: the next step's batch.
final class Prefetch<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let queue = BackgroundQueue()

  /// Begins.
  init(_ make: @escaping @Sendable () throws -> Value) {
    let form = KernelForm.current
    queue.add {
      let made = form.running { Result { try make() } }
      self.result.withLock { $0 = made }
    }
  }

  /// The value, as soon as it is there.
  func value() throws -> Value {
    queue.finish()
    guard let made = result.withLock({ $0 }) else {
      preconditionFailure("the work is done, so there is a result")
    }
    return try made.get()
  }
}
