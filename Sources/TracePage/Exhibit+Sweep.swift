extension Exhibit {
  /// The microscope's box slides by one cell; how each operator's answer follows.
  static let sweep = Exhibit(
    name: "sweep", uses: ["microscope/roi", "microscope/state", "sweep/chart"],
    stage: "4-roi", title: "Sub-pixel sweep",
    lead: """
      The microscope's box slides by one cell, in steps of 1/16 of a cell. An object in the image \
      that moves a little should change its features a little. RoIPool answers in stairs: nothing \
      changes while the rounded edges stay, then much at once. RoIAlign follows every step.
      """
  ) { source, _ in
    guard !PageMaps.levelsForRoIs(source).isEmpty, RoIExampleChoice(source) != nil
    else { return nil }
    return ["steps": 16]
  }
}
