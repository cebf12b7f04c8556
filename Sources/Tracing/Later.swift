import Synchronization
import Tensors

/// What a queue will have worked out once its turn has come.
final class Later<Value: Sendable>: Sendable {
  private let outcome = Mutex<Result<Value, any Error>?>(nil)
  private let queue: BackgroundQueue

  /// Puts work at the end of a queue.
  init(on queue: BackgroundQueue, _ work: @escaping @Sendable () throws -> Value) {
    self.queue = queue
    queue.add {
      let result = Result { try work() }
      self.outcome.withLock { $0 = result }
    }
  }

  /// The value, waited for; throws what the work threw.
  func get() throws -> Value {
    if let result = outcome.withLock({ $0 }) { return try result.get() }
    queue.finish()
    guard let result = outcome.withLock({ $0 }) else {
      preconditionFailure("what was put into the queue before has been done")
    }
    return try result.get()
  }
}
