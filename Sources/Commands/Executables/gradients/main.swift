import Commands

GradientsCommand.start()
