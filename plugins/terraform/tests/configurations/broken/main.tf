variable "name" {
  type = string
}

resource "terraform_data" "a" {
  inptu = var.name
}

output "b" {
  value = terraform_data.missing.id
}

output "c" {
      value = var.name
}
