terraform {
  backend "local" {}
}

resource "terraform_data" "first" {
  input = "good"
}

resource "terraform_data" "second" {
  input = terraform_data.first.id

  provisioner "local-exec" {
    command = "echo trying; exit 3"
  }
}

resource "terraform_data" "third" {
  input = terraform_data.second.id
}
