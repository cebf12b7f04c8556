/// Which text of an operation runs: the plain one, which is its definition, or the fast one, which
/// is tested against it.
public enum KernelForm: String, Sendable, CaseIterable {
  /// The blocked, vectorised, threaded form.
  case fast
  /// The definition, loop by loop.
  case plain

  /// The form that every operation takes here: the fast one, unless a call of `running` around this
  /// one chose another. The threads of `Threads` take their caller's.
  public static var current: KernelForm { ScopedForm.current }

  /// Calls `body`, in which every operation takes this form.
  public func running<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try ScopedForm.with(self, body)
  }
}
