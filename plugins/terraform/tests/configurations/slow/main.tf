terraform {
  backend "local" {}
}

variable "until" {
  description = "The file that the apply waits for."
  type        = string
}

resource "terraform_data" "first" {
  input = "good"
}

resource "terraform_data" "waiting" {
  input = terraform_data.first.id

  provisioner "local-exec" {
    command = "echo waiting; while [ ! -e ${var.until} ]; do sleep 0.05; done"
  }
}

resource "terraform_data" "last" {
  input = terraform_data.waiting.id
}
