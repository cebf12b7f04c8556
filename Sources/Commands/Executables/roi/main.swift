import Commands

RoICommand.start()
