pub fn write(folder: &std::path::Path, class: &crate::verdict::Class) -> anyhow::Result<()> {
    crate::partition::write_class(folder, class)
}
