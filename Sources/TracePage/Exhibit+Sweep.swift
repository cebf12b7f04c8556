extension Exhibit {
  /// The microscope's box slides by one cell; how each operator's output changes.
  static let sweep = Exhibit(
    name: "sweep", uses: ["microscope/roi", "microscope/state", "sweep/chart"],
    stage: "4-roi", title: "Sub-pixel sweep",
    lead: """
      The microscope's box slides by one cell, in steps of 1/16 of a cell. When a box moves a \
      little, its features should change a little. RoIPool's output is a step function: it is \
      constant while the rounded edges stay the same, then jumps. RoIAlign's output changes with \
      every step.
      """, isFolded: true
  ) { source, _ in
    guard try !PageMaps.levelsForRoIs(source).isEmpty, try RoIExampleChoice(source) != nil
    else { return nil }
    return ["steps": 16]
  }
}
