import Commands

MaskRCNNCommand.main()
