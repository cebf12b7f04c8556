/// Panels one below the other, where a figure's row has one tall panel and several low ones.
public struct Stack: Panel {
  /// From the top down.
  public var panels: [any Panel]

  /// Makes a stack of the panels in a list that may hold `if` and `for`.
  public init(@PanelList panels: () -> [any Panel]) {
    self.panels = panels()
  }

  private static let gap = 28

  /// Draws the panels on white.
  public func draw() -> Raster {
    let drawn = panels.map { $0.draw() }
    let height = drawn.map(\.height).reduce(0, +) + Stack.gap * max(drawn.count - 1, 0)
    var raster = Raster(width: max(drawn.map(\.width).max() ?? 1, 1), height: max(height, 1))
    var y = 0
    for panel in drawn {
      raster.paste(panel, x: 0, y: y)
      y += panel.height + Stack.gap
    }
    return raster
  }
}

/// Panels side by side, as one panel: a row of tiles inside a stack.
public struct Row: Panel {
  /// The panels, the left one first.
  public var panels: [any Panel]

  /// Makes a row.
  public init(_ panels: [any Panel]) { self.panels = panels }

  private static let gap = 12

  /// Draws the panels side by side on white.
  public func draw() -> Raster {
    let drawn = panels.map { $0.draw() }
    let width = drawn.map(\.width).reduce(0, +) + Row.gap * max(drawn.count - 1, 0)
    var raster = Raster(width: max(width, 1), height: max(drawn.map(\.height).max() ?? 1, 1))
    var x = 0
    for panel in drawn {
      raster.paste(panel, x: x, y: 0)
      x += panel.width + Row.gap
    }
    return raster
  }
}
