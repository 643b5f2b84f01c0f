module rashomon.example/maelstrom

go 1.19
