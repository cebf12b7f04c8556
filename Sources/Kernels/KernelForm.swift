import Synchronization

/// Which text of an operation runs: the plain one, which is its definition, or the fast one, which
/// is tested against it.
public enum KernelForm: String, Sendable, CaseIterable {
  /// The blocked, vectorised, threaded form.
  case fast
  /// The definition, loop by loop.
  case plain

  private static let chosen = Mutex(KernelForm.fast)

  /// The form that every operation of this process takes; at first the fast one.
  public static var current: KernelForm {
    get { chosen.withLock { $0 } }
    set { chosen.withLock { $0 = newValue } }
  }
}
